/* Lets gocryptfs act as a user in one thread alone.
 *
 * gocryptfs makes each file as the user who asks for it: it changes the user of the one thread that works for them. The
 * Go library of some of its builds, Debian 12's among them, changes every thread instead, so that two who make files at
 * the same time are refused now and then (gocryptfs issue 893; its own versions after 2.5.1 do not need this). Loaded
 * before the C library, these two do what was meant: a bare system call concerns one thread.
 */

#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>

int setreuid(uid_t real, uid_t effective)
{
	return syscall(SYS_setreuid, real, effective);
}

int setregid(gid_t real, gid_t effective)
{
	return syscall(SYS_setregid, real, effective);
}
