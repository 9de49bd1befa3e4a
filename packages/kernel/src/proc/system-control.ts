/** /proc/sys: parameters as one table (proc(5), sysctl(8)). Writable ones are kept; few have an effect. */
import { randomUUID } from 'node:crypto';
import { Errno } from '@troupe/abi';
import { textFile, treeOf, type DirectoryEntry, type FileEntry } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import { RELEASE, VERSION } from '../namespace/uts-namespace.js';
import { PID_MAX } from '../task/task-set.js';
import { ipcParameters } from './ipc-parameters.js';
import { namespacesOf } from './task-lookup.js';

/** Path → value; a `!` before the path makes it read-only. */
const VALUES: Readonly<Record<string, string>> = {
  '!fs/file-nr': '1024\t0\t1048576', 'fs/file-max': '1048576', 'fs/nr_open': '1048576', 'fs/pipe-max-size': '1048576',
  'fs/pipe-user-pages-soft': '16384', 'fs/pipe-user-pages-hard': '0', 'fs/aio-max-nr': '65536', '!fs/aio-nr': '0',
  'fs/lease-break-time': '45', 'fs/leases-enable': '1', '!fs/protected_hardlinks': '1', 'fs/protected_symlinks': '0', 'fs/suid_dumpable': '0',
  'fs/inotify/max_queued_events': '16384', 'fs/inotify/max_user_instances': '128', 'fs/inotify/max_user_watches': '65536',
  'fs/dir-notify-enable': '1', 'fs/fanotify/max_queued_events': '16384', 'fs/fanotify/max_user_groups': '128', 'fs/fanotify/max_user_marks': '65536',
  'fs/epoll/max_user_watches': '1048576',
  'kernel/cap_last_cap': '40', 'kernel/core_pattern': 'core', 'kernel/core_uses_pid': '0', 'kernel/ctrl-alt-del': '0',
  'kernel/dmesg_restrict': '0', 'kernel/kptr_restrict': '0',
  '!kernel/ngroups_max': '65536', '!kernel/osrelease': RELEASE, '!kernel/ostype': 'Linux', '!kernel/version': VERSION, 'kernel/overflowgid': '65534',
  'kernel/overflowuid': '65534', 'kernel/panic': '0', 'kernel/perf_event_paranoid': '3', 'kernel/pid_max': String(PID_MAX), 'kernel/printk': '4\t4\t1\t7',
  '!kernel/pty/max': '4096', '!kernel/pty/nr': '0', '!kernel/random/entropy_avail': '256', '!kernel/random/poolsize': '256',
  'kernel/randomize_va_space': '0', 'kernel/sched_child_runs_first': '0', 'kernel/sched_rt_period_us': '1000000', 'kernel/sched_rt_runtime_us': '950000',
  'kernel/sysrq': '0', 'kernel/tainted': '0', 'kernel/threads-max': '4096', 'kernel/unprivileged_userns_clone': '1', 'kernel/yama/ptrace_scope': '0',
  'kernel/io_uring_disabled': '2', 'kernel/seccomp/actions_avail': 'kill_process kill_thread trap errno trace log allow',
  'net/core/somaxconn': '4096', 'net/core/rmem_default': '212992', 'net/core/rmem_max': '212992', 'net/core/wmem_default': '212992', 'net/core/wmem_max': '212992',
  'net/ipv4/ip_local_port_range': '32768\t60999', 'net/ipv4/tcp_fin_timeout': '60', 'net/ipv4/tcp_keepalive_time': '7200', 'net/ipv4/tcp_max_syn_backlog': '512',
  'net/ipv4/tcp_rmem': '4096\t131072\t6291456', 'net/ipv4/tcp_wmem': '4096\t16384\t4194304', 'net/ipv4/tcp_fastopen': '1', 'net/ipv4/ping_group_range': '1\t0',
  'net/ipv6/conf/all/disable_ipv6': '1', 'net/ipv6/conf/default/disable_ipv6': '1', 'net/unix/max_dgram_qlen': '512',
  'user/max_cgroup_namespaces': '32768', 'user/max_ipc_namespaces': '32768', 'user/max_mnt_namespaces': '32768', 'user/max_net_namespaces': '32768',
  'user/max_pid_namespaces': '32768', 'user/max_user_namespaces': '32768', 'user/max_uts_namespaces': '32768',
  'vm/dirty_background_ratio': '10', 'vm/dirty_ratio': '20', 'vm/drop_caches': '0', 'vm/hugetlb_shm_group': '0',
  'vm/max_map_count': '65530', 'vm/min_free_kbytes': '4096', 'vm/mmap_min_addr': '65536', 'vm/nr_hugepages': '0', 'vm/overcommit_kbytes': '0',
  'vm/overcommit_memory': '0', 'vm/overcommit_ratio': '50', 'vm/swappiness': '60', 'vm/vfs_cache_pressure': '100',
};

function valueFile(values: Map<string, string>, path: string): FileEntry {
  return {
    kind: 'file', mode: 0o644,
    read: () => `${values.get(path)}\n`,
    write: (text) => {
      values.set(path, text.replace(/\n$/, ''));
      return 0;
    },
  };
}

/** Names of the UTS name space: writable, as sethostname(2) changes them. */
function utsFile(kernel: Kernel, field: 'hostname' | 'domainname'): FileEntry {
  return {
    kind: 'file', mode: 0o644,
    read: (ctx) => `${namespacesOf(kernel, ctx).uts[field]}\n`,
    write: (text, ctx) => {
      const name = text.replace(/\n$/, '');
      if (name.length > 64) return -Errno.EINVAL;
      namespacesOf(kernel, ctx).uts[field] = name;
      return 0;
    },
  };
}

export function systemControlDirectory(kernel: Kernel): DirectoryEntry {
  let bootId: string | undefined;
  const values = new Map<string, string>();
  const files: Record<string, FileEntry> = {
    'kernel/hostname': utsFile(kernel, 'hostname'),
    'kernel/domainname': utsFile(kernel, 'domainname'),
    'kernel/random/boot_id': textFile(() => `${(bootId ??= randomUUID())}\n`),
    'kernel/random/uuid': textFile(() => `${randomUUID()}\n`),
    'kernel/ns_last_pid': textFile(() => `${kernel.tasks.lastTid}\n`, 0o644),
    ...ipcParameters(kernel),
    'fs/inode-nr': textFile(() => '1024\t0\n'),
    'fs/dentry-state': textFile(() => '1024\t0\t45\t0\t0\t0\n'),
  };
  for (const [marked, value] of Object.entries(VALUES)) {
    const readOnly = marked.startsWith('!');
    const path = readOnly ? marked.slice(1) : marked;
    values.set(path, value);
    files[path] = readOnly ? textFile(() => `${value}\n`) : valueFile(values, path);
  }
  return treeOf(files);
}
