// SPDX-License-Identifier: GPL-2.0-only
/*
 * Payload that processes send and receive over TCP and UDP, charged to the calling process.
 * Counted in `processes`; no events. One of three families is loaded:
 *
 * - tp_btf: the cheapest, for 6.3 (first with the tracepoints) to 6.x. Since 7.0 a task can be
 *   preempted in such a program, which is then skipped for all other tasks on that CPU. Lanes
 *   don't help here: two lanes of one call must agree on which one counts it, but nothing
 *   distinguishes a call from the thread's next one. One call that runs only in the first lane,
 *   then one that runs only in the second, would look like a single call. Events of fork, exec
 *   and exit have an identity.
 * - tp, for 7.0 and later: called by perf, which disables preemption.
 * - fexit, before 6.3.
 */
#include "../lib/emit.h"

#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

/* Set by user space: before 5.19 the recvmsg functions had one more parameter. */
const volatile __u32 recvmsg_has_nonblock = 0;

static __always_inline void charge(__u64 start_ns, int sending, int length)
{
	const __u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct vigil_control *control = control_of();
	struct vigil_process_state *state = control ? get_or_create_process(control, pid, start_ns) : 0;

	if (state)
		__sync_fetch_and_add(sending ? &state->sent_bytes : &state->received_bytes,
				     length);
}

static __always_inline int is_counted(__u16 family, __u16 protocol)
{
	return (family == AF_INET || family == AF_INET6) &&
	       (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_MPTCP);
}

/* True for received data, false for peeking and for reading the error queue. */
static __always_inline int is_received(int flags)
{
	return !(flags & (MSG_PEEK | MSG_ERRQUEUE));
}

static __always_inline int end_length(int sending, __u16 family, __u16 protocol, int length)
{
	if (length > 0 && is_counted(family, protocol))
		charge(bpf_get_current_task_btf()->group_leader->start_boottime, sending, length);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(on_send, struct sock *socket, int length)
{
	return end_length(1, socket->__sk_common.skc_family, socket->sk_protocol, length);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(on_receive, struct sock *socket, int length, int flags)
{
	if (!is_received(flags))
		return 0;
	return end_length(0, socket->__sk_common.skc_family, socket->sk_protocol, length);
}

SEC("tp/sock/sock_send_length")
int on_send_event(struct trace_event_raw_sock_msg_length *event)
{
	return end_length(1, event->family, event->protocol, event->ret);
}

SEC("tp/sock/sock_recv_length")
int on_receive_event(struct trace_event_raw_sock_msg_length *event)
{
	if (!is_received(event->flags))
		return 0;
	return end_length(0, event->family, event->protocol, event->ret);
}

static __always_inline int end_call(int sending, int result)
{
	if (result > 0)
		charge(BPF_CORE_READ(current_task(), group_leader, start_boottime), sending,
		       result);
	return 0;
}

static __always_inline int end_recvmsg(const void *context)
{
	const int flags = raw_argument(context, recvmsg_has_nonblock ? 4 : 3);
	const int result = raw_argument(context, recvmsg_has_nonblock ? 6 : 5);

	return is_received(flags) ? end_call(0, result) : 0;
}

static __always_inline int is_udp(const struct sock *socket)
{
	return socket->sk_protocol == IPPROTO_UDP;
}

SEC("fexit/tcp_sendmsg")
int BPF_PROG(on_tcp_sendmsg, struct sock *socket, void *message, unsigned long size, int result)
{
	return end_call(1, result);
}

/* sendfile(2) and splice(2) into a socket. */
SEC("fexit/tcp_sendpage")
int BPF_PROG(on_tcp_sendpage, struct sock *socket, void *page, int offset, unsigned long size,
	     int flags, int result)
{
	return end_call(1, result);
}

SEC("fexit/tcp_recvmsg")
int BPF_PROG(on_tcp_recvmsg)
{
	return end_recvmsg(ctx);
}

SEC("fexit/tcp_splice_read")
int BPF_PROG(on_tcp_splice_read, void *socket, void *offset, void *pipe, unsigned long size,
	     unsigned int flags, int result)
{
	return end_call(0, result);
}

/* An IPv6 socket sends to an IPv4 address through both functions. */
SEC("fexit/udp_sendmsg")
int BPF_PROG(on_udp_sendmsg, struct sock *socket, void *message, unsigned long size, int result)
{
	if (socket->__sk_common.skc_family != AF_INET || !is_udp(socket))
		return 0;
	return end_call(1, result);
}

SEC("fexit/udpv6_sendmsg")
int BPF_PROG(on_udpv6_sendmsg, struct sock *socket, void *message, unsigned long size, int result)
{
	return is_udp(socket) ? end_call(1, result) : 0;
}

SEC("fexit/udp_recvmsg")
int BPF_PROG(on_udp_recvmsg, struct sock *socket)
{
	return is_udp(socket) ? end_recvmsg(ctx) : 0;
}

SEC("fexit/udpv6_recvmsg")
int BPF_PROG(on_udpv6_recvmsg, struct sock *socket)
{
	return is_udp(socket) ? end_recvmsg(ctx) : 0;
}
