// System V shared memory, semaphores and message queues.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAY(...) do { printf(__VA_ARGS__); fflush(stdout); } while (0)
#define TRY(call) do { long r_ = (long)(call); SAY("%s: %s\n", #call, r_ == -1 ? strerrorname_np(errno) : "ok"); } while (0)

union arg { int val; struct semid_ds *buf; unsigned short *array; };
struct note { long type; char text[64]; };

static void shared_memory(void) {
  key_t key = 0x54520000 ^ getpid();
  int id = shmget(key, 5000, IPC_CREAT | IPC_EXCL | 0600);
  SAY("shmget %d\n", id >= 0);
  TRY(shmget(key, 5000, IPC_CREAT | IPC_EXCL | 0600));
  TRY(shmget(key, 9000, 0));
  TRY(shmget(key + 1, 4096, 0));
  TRY(shmget(IPC_PRIVATE, 0, 0600));
  SAY("again %d\n", shmget(key, 100, 0) == id);
  char *a = shmat(id, 0, 0), *b = shmat(id, 0, SHM_RDONLY);
  strcpy(a, "hello");
  SAY("second mapping reads %s\n", b);
  SAY("mprotect of a read-only one: %d\n", mprotect(b, 4096, PROT_READ | PROT_WRITE) == -1 && errno == EACCES);
  struct shmid_ds ds;
  shmctl(id, IPC_STAT, &ds);
  SAY("stat size %zu attaches %lu mode %o creator %d last %d key %d\n", ds.shm_segsz, ds.shm_nattch, ds.shm_perm.mode, ds.shm_cpid == getpid(), ds.shm_lpid == getpid(), ds.shm_perm.__key == key);
  pid_t pid = fork();
  if (pid == 0) { strcpy(a + 4096, "child"); shmctl(id, IPC_STAT, &ds); SAY("child sees %lu attaches\n", ds.shm_nattch); _exit(0); }
  waitpid(pid, 0, 0);
  SAY("parent reads %s\n", a + 4096);
  TRY(shmdt(b));
  TRY(shmdt(b));
  TRY(shmat(id, a, 0) == (void *)-1 ? -1 : 0);
  TRY(shmat(id, a + 1, 0) == (void *)-1 ? -1 : 0);
  SAY("remap in place %d\n", shmat(id, a, SHM_REMAP) == a);
  ds.shm_perm.mode = 0640;
  TRY(shmctl(id, IPC_SET, &ds));
  TRY(shmctl(id, IPC_RMID, 0));
  shmctl(id, IPC_STAT, &ds);
  SAY("removed but attached: mode %o key %d attaches %lu\n", ds.shm_perm.mode, ds.shm_perm.__key, ds.shm_nattch);
  TRY(shmget(key, 100, 0));
  SAY("still %s\n", a);
  TRY(shmdt(a));
  TRY(shmctl(id, IPC_STAT, &ds));
  struct shminfo info;
  SAY("limits %d %lu %lu\n", shmctl(0, IPC_INFO, (void *)&info) >= 0, info.shmmin, info.shmmni);
}

static void change(int id, int index, int by, int flags) { struct sembuf op = {index, by, flags}; if (semop(id, &op, 1)) SAY("semop %d: %s\n", by, strerrorname_np(errno)); }

static void semaphores(void) {
  int status;
  union arg arg;
  int id = semget(IPC_PRIVATE, 3, 0600);
  unsigned short values[3] = {1, 2, 3};
  arg.array = values;
  TRY(semctl(id, 0, SETALL, arg));
  SAY("values %d %d %d pid %d\n", semctl(id, 0, GETVAL), semctl(id, 1, GETVAL), semctl(id, 2, GETVAL), semctl(id, 0, GETPID) == getpid());
  arg.val = 40000;
  TRY(semctl(id, 0, SETVAL, arg));
  TRY(semctl(id, 5, GETVAL));
  TRY(semget(IPC_PRIVATE, 0, 0600));
  change(id, 7, 1, 0);
  change(id, 0, -2, IPC_NOWAIT);
  change(id, 2, 32767, 0);
  struct sembuf pair[2] = {{0, -1, 0}, {1, -3, IPC_NOWAIT}};
  TRY(semop(id, pair, 2));
  SAY("nothing done: %d %d\n", semctl(id, 0, GETVAL), semctl(id, 1, GETVAL));
  struct timespec soon = {0, 20000000};
  struct sembuf down = {0, -2, 0};
  TRY(semtimedop(id, &down, 1, &soon));
  pid_t pid = fork();
  if (pid == 0) { change(id, 0, -1, SEM_UNDO); change(id, 1, 5, SEM_UNDO); SAY("child: %d %d\n", semctl(id, 0, GETVAL), semctl(id, 1, GETVAL)); _exit(0); }
  waitpid(pid, 0, 0);
  SAY("undone: %d %d\n", semctl(id, 0, GETVAL), semctl(id, 1, GETVAL));
  arg.val = 0;
  semctl(id, 0, SETVAL, arg);
  int pipes[2];
  pipe(pipes);
  pid_t kids[3];
  for (int i = 0; i < 3; i++) {
    kids[i] = fork();
    if (kids[i] == 0) { change(id, 0, -1, 0); char c = '0' + i; write(pipes[1], &c, 1); _exit(0); }
    while (semctl(id, 0, GETNCNT) != i + 1) usleep(1000);
  }
  pid = fork();
  if (pid == 0) { change(id, 2, 0, 0); write(pipes[1], "z", 1); _exit(0); }
  while (semctl(id, 2, GETZCNT) != 1) usleep(1000);
  SAY("waiting %d for more, %d for zero\n", semctl(id, 0, GETNCNT), semctl(id, 2, GETZCNT));
  char order[5] = "";
  for (int i = 0; i < 3; i++) { change(id, 0, 1, 0); read(pipes[0], order + i, 1); }
  SAY("in order %s\n", order);
  arg.val = 0;
  semctl(id, 2, SETVAL, arg);
  read(pipes[0], order + 3, 1);
  SAY("then %c\n", order[3]);
  while (wait(0) > 0);
  pid = fork();
  if (pid == 0) { struct sembuf op = {0, -1, 0}; _exit(semop(id, &op, 1) ? errno : 0); }
  while (semctl(id, 0, GETNCNT) != 1) usleep(1000);
  TRY(semctl(id, 0, IPC_RMID));
  waitpid(pid, &status, 0);
  SAY("who waited: %s\n", strerrorname_np(WEXITSTATUS(status)));
  TRY(semctl(id, 0, GETVAL));
  struct seminfo info;
  arg.buf = (void *)&info;
  SAY("limits %d max %d usz %d\n", semctl(0, 0, IPC_INFO, arg) >= 0, info.semvmx, info.semusz);
}

static void put(int id, long type, const char *text) { struct note n = {type, ""}; strcpy(n.text, text); if (msgsnd(id, &n, strlen(text), IPC_NOWAIT)) SAY("msgsnd: %s\n", strerrorname_np(errno)); }
static void get(int id, long type, int flags) {
  struct note n = {0, ""};
  ssize_t size = msgrcv(id, &n, 8, type, flags);
  if (size < 0) SAY("msgrcv %ld: %s\n", type, strerrorname_np(errno));
  else SAY("msgrcv %ld: type %ld '%.*s'\n", type, n.type, (int)size, n.text);
}
static void on_alarm(int signo) { (void)signo; }

static void messages(void) {
  int status;
  int id = msgget(IPC_PRIVATE, 0600);
  put(id, 3, "three"); put(id, 1, "one"); put(id, 2, "two"); put(id, 1, "uno"); put(id, 9, "much too long");
  put(id, 0, "bad type");
  struct msqid_ds ds;
  msgctl(id, IPC_STAT, &ds);
  SAY("queued %lu bytes %lu sender %d\n", ds.msg_qnum, ds.__msg_cbytes, ds.msg_lspid == getpid());
  get(id, -2, 0); get(id, 2, 0); get(id, 1, MSG_EXCEPT); get(id, 7, IPC_NOWAIT); get(id, 0, 0);
  get(id, 9, 0); get(id, 9, MSG_NOERROR); get(id, 0, IPC_NOWAIT);
  pid_t pid = fork();
  if (pid == 0) { get(id, 5, 0); get(id, -4, 0); _exit(0); }
  usleep(20000);
  put(id, 6, "six"); put(id, 5, "five"); put(id, 4, "four");
  waitpid(pid, 0, 0);
  get(id, 0, 0);
  ds.msg_qbytes = 10;
  TRY(msgctl(id, IPC_SET, &ds));
  put(id, 1, "12345678");
  put(id, 1, "123");
  pid = fork();
  if (pid == 0) { struct note n = {1, "late"}; _exit(msgsnd(id, &n, 4, 0) ? errno : 0); }
  usleep(20000);
  get(id, 0, 0);
  waitpid(pid, &status, 0);
  SAY("late msgsnd %d\n", WEXITSTATUS(status));
  get(id, 0, 0);
  struct sigaction action = {.sa_handler = on_alarm};
  sigaction(SIGALRM, &action, 0);
  ualarm(20000, 0);
  get(id, 0, 0);
  pid = fork();
  if (pid == 0) { struct note n; _exit(msgrcv(id, &n, 8, 0, 0) < 0 ? errno : 0); }
  usleep(20000);
  TRY(msgctl(id, IPC_RMID, 0));
  waitpid(pid, &status, 0);
  SAY("who waited: %s\n", strerrorname_np(WEXITSTATUS(status)));
  get(id, 0, 0);
}

int main(void) {
  shared_memory();
  semaphores();
  messages();
  return 0;
}
