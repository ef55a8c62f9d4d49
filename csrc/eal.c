/** Process-wide things: the environment, its log, threads, time. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_lcore.h>
#include <rte_version.h>

#include "internal.h"

/** Arguments that tw_eal_init accepts at most. */
#define ARGS_MAX 64

static __thread int last_error;
static FILE *log_file;
static uint64_t tsc_start;

__attribute__((constructor)) static void start_clock(void)
{
	tsc_start = rte_rdtsc();
}

void *tw_fail(int error)
{
	last_error = error;
	return NULL;
}

int32_t tw_errno(void)
{
	return last_error;
}

uint32_t tw_abi_version(void)
{
	return TW_ABI_VERSION;
}

uint32_t tw_layout(uint32_t *out, uint32_t count)
{
	const uint32_t table[] = {
		TW_BURST_MAX,
		RTE_PKTMBUF_HEADROOM,
		sizeof(struct rte_mbuf),
		offsetof(struct rte_mbuf, refcnt),
		sizeof(struct tw_rx),
		offsetof(struct tw_rx, port),
		offsetof(struct tw_rx, frames),
		sizeof(struct tw_tx),
		offsetof(struct tw_tx, port),
		offsetof(struct tw_tx, frames),
		sizeof(struct tw_geometry),
		sizeof(struct tw_port_config),
		sizeof(struct tw_port_info),
		sizeof(struct tw_port_stats),
	};

	for (uint32_t i = 0; i < count && i < RTE_DIM(table); i++)
		out[i] = table[i];
	return RTE_DIM(table);
}

int32_t tw_log_open(const char *path)
{
	FILE *file = path[0] == 0 ? tmpfile() : fopen(path, "a+e");

	if (file == NULL)
		return -errno;
	/* Whole lines reach the file at once, even when the process dies afterwards. */
	setvbuf(file, NULL, _IOLBF, 0);
	if (rte_openlog_stream(file) != 0) {
		fclose(file);
		return -EINVAL;
	}
	if (log_file != NULL)
		fclose(log_file);
	log_file = file;
	return 0;
}

int32_t tw_log_tail(char *out, uint32_t bytes)
{
	off_t end;
	ssize_t got;

	if (log_file == NULL || bytes == 0)
		return 0;
	fflush(log_file);
	end = lseek(fileno(log_file), 0, SEEK_END);
	got = pread(fileno(log_file), out, bytes - 1, end > bytes - 1 ? end - (bytes - 1) : 0);
	if (got < 0)
		return -errno;
	out[got] = 0;
	return (int32_t)got;
}

void tw_quiet_begin(struct tw_quiet *quiet)
{
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		quiet->saved[i] = log_file == NULL ? -1 : fcntl(STDOUT_FILENO + i, F_DUPFD_CLOEXEC, 3);
		if (quiet->saved[i] >= 0)
			dup2(fileno(log_file), STDOUT_FILENO + i);
	}
}

void tw_quiet_end(struct tw_quiet *quiet)
{
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		if (quiet->saved[i] < 0)
			continue;
		dup2(quiet->saved[i], STDOUT_FILENO + i);
		close(quiet->saved[i]);
	}
}

int32_t tw_eal_init(const char *args, uint32_t count)
{
	/* EAL and getopt keep and permute the array: it has to live on. */
	static char text[8192];
	static char *argv[ARGS_MAX + 1];
	size_t used = 0;

	if (count > ARGS_MAX)
		return -E2BIG;
	for (uint32_t i = 0; i < count; i++) {
		size_t bytes = strlen(args) + 1;

		if (used + bytes > sizeof(text))
			return -E2BIG;
		argv[i] = memcpy(text + used, args, bytes);
		used += bytes;
		args += bytes;
	}
	argv[count] = NULL;
	struct tw_quiet quiet;

	tw_quiet_begin(&quiet);
	int status = rte_eal_init((int)count, argv) < 0 ? -rte_errno : 0;
	tw_quiet_end(&quiet);
	return status;
}

int32_t tw_eal_cleanup(void)
{
	return rte_eal_cleanup();
}

static int32_t put_text(char *out, uint32_t bytes, const char *text)
{
	int length = snprintf(out, bytes, "%s", text);

	return length < 0 ? -EINVAL : (int32_t)RTE_MIN((uint32_t)length, bytes - 1);
}

int32_t tw_error_text(int32_t code, char *out, uint32_t bytes)
{
	return put_text(out, bytes, rte_strerror(code < 0 ? -code : code));
}

int32_t tw_version(char *out, uint32_t bytes)
{
	return put_text(out, bytes, rte_version());
}

int32_t tw_thread_register(void)
{
	return rte_lcore_id() == LCORE_ID_ANY && rte_thread_register() < 0 ? -rte_errno : 0;
}

void tw_thread_unregister(void)
{
	rte_thread_unregister();
}

int32_t tw_pin(uint32_t core)
{
	cpu_set_t set;

	if (core >= CPU_SETSIZE)
		return -EINVAL;
	CPU_ZERO(&set);
	CPU_SET(core, &set);
	return -pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

double tw_tsc(void)
{
	return (double)(rte_rdtsc() - tsc_start);
}

double tw_tsc_hz(void)
{
	return (double)rte_get_tsc_hz();
}

uint32_t tw_nop(uint32_t value)
{
	return value;
}
