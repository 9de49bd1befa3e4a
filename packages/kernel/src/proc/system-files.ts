/** The files at the top of /proc that describe the machine (proc(5)). */
import { NS_PER_SEC } from '@troupe/abi';
import { CPU_VENDOR } from '@troupe/cpu-worker/isa/cpuid.js';
import { textFile, treeOf, type Entry } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import { RELEASE, VERSION } from '../namespace/uts-namespace.js';
import { CLOCK_TICK_NS } from '../task/running-tasks.js';
import { sysvDirectory } from './sysv-files.js';

const PAGE_KIB = 4;

function cpuInfoText(kernel: Kernel): string {
  const flags = kernel.featureSet.names.join(' ');
  const lines = (core: number): [string, string | number][] => [
    ['processor', core], ['vendor_id', CPU_VENDOR], ['cpu family', 6], ['model', 44], ['model name', 'Troupe virtual x86-64-v2 processor'],
    ['stepping', 2], ['microcode', '0x1'], ['cpu MHz', '1000.000'], ['cache size', '8192 KB'], ['physical id', 0], ['siblings', kernel.applicationCores],
    ['core id', core], ['cpu cores', kernel.applicationCores], ['apicid', core], ['initial apicid', core], ['fpu', 'yes'], ['fpu_exception', 'yes'],
    ['cpuid level', 7], ['wp', 'yes'], ['flags', flags], ['bugs', ''], ['bogomips', '2000.00'], ['clflush size', 64], ['cache_alignment', 64],
    ['address sizes', '40 bits physical, 48 bits virtual'], ['power management', ''],
  ];
  let text = '';
  for (let core = 0; core < kernel.applicationCores; core++) {
    for (const [name, value] of lines(core)) text += `${name}${name.length < 8 ? '\t\t' : '\t'}: ${value}\n`;
    text += '\n';
  }
  return text;
}

function memInfoText(kernel: Kernel): string {
  const totalKib = kernel.frames.limitFrames * PAGE_KIB;
  const freeKib = totalKib - kernel.frames.framesInUse * PAGE_KIB;
  const rows: [string, number][] = [
    ['MemTotal', totalKib], ['MemFree', freeKib], ['MemAvailable', freeKib], ['Buffers', 0], ['Cached', 0], ['SwapCached', 0],
    ['Active', totalKib - freeKib], ['Inactive', 0], ['Active(anon)', totalKib - freeKib], ['Inactive(anon)', 0], ['Active(file)', 0], ['Inactive(file)', 0],
    ['Unevictable', 0], ['Mlocked', 0], ['SwapTotal', 0], ['SwapFree', 0], ['Dirty', 0], ['Writeback', 0], ['AnonPages', totalKib - freeKib], ['Mapped', 0],
    ['Shmem', 0], ['KReclaimable', 0], ['Slab', 0], ['SReclaimable', 0], ['SUnreclaim', 0], ['KernelStack', 0], ['PageTables', 0], ['NFS_Unstable', 0],
    ['Bounce', 0], ['WritebackTmp', 0], ['CommitLimit', totalKib], ['Committed_AS', totalKib - freeKib], ['VmallocTotal', 34359738367], ['VmallocUsed', 0],
    ['VmallocChunk', 0], ['Percpu', 0], ['AnonHugePages', 0], ['ShmemHugePages', 0], ['FileHugePages', 0],
  ];
  const tail = 'HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\nHugePages_Surp:        0\nHugepagesize:       2048 kB\nHugetlb:               0 kB\n';
  return rows.map(([name, kib]) => `${`${name}:`.padEnd(16)}${String(kib).padStart(8)} kB\n`).join('') + tail;
}

/** Busy and idle time of all CPUs in clock ticks. */
function cpuTicks(kernel: Kernel): { busy: number; idle: number } {
  const busy = Number(kernel.cpuClockNow());
  const all = Math.floor(kernel.monotonicNs() / CLOCK_TICK_NS) * kernel.applicationCores;
  return { busy, idle: Math.max(0, all - busy) };
}

function statText(kernel: Kernel): string {
  const { busy, idle } = cpuTicks(kernel);
  const cores = kernel.applicationCores;
  const line = (name: string, share: number): string => `${name} ${Math.floor(busy / share)} 0 0 ${Math.floor(idle / share)} 0 0 0 0 0 0\n`;
  let text = line('cpu ', 1);
  for (let core = 0; core < cores; core++) text += line(`cpu${core}`, cores);
  const bootSeconds = kernel.realtimeNs() / BigInt(NS_PER_SEC) - BigInt(Math.floor(kernel.monotonicNs() / NS_PER_SEC));
  return `${text}intr 0\nctxt 0\nbtime ${bootSeconds}\nprocesses ${kernel.tasks.lastTid}\nprocs_running ${Math.max(1, kernel.running.count)}\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n`;
}

function uptimeText(kernel: Kernel): string {
  const { idle } = cpuTicks(kernel);
  return `${(kernel.monotonicNs() / NS_PER_SEC).toFixed(2)} ${(idle * CLOCK_TICK_NS / NS_PER_SEC).toFixed(2)}\n`;
}

function loadText(kernel: Kernel): string {
  return `0.00 0.00 0.00 ${Math.max(1, kernel.running.count)}/${kernel.tasks.count} ${kernel.tasks.lastTid}\n`;
}

/** Types that need a block device come without `nodev`. */
function fileSystemsText(kernel: Kernel): string {
  const always = ['sysfs', 'tmpfs', 'proc', 'devtmpfs', 'devpts', 'overlay'];
  const names = new Set([...always, ...kernel.vfs.types.keys()]);
  return [...names].map((name) => `nodev\t${name}\n`).join('') + '\text4\n';
}

function vmStatText(kernel: Kernel): string {
  const used = kernel.frames.framesInUse;
  return `nr_free_pages ${kernel.frames.limitFrames - used}\nnr_inactive_anon 0\nnr_active_anon ${used}\nnr_inactive_file 0\nnr_active_file 0\nnr_dirty 0\nnr_writeback 0\n`
    + 'pgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault 0\npgmajfault 0\noom_kill 0\n';
}

const CGROUP_NAMES = ['cpuset', 'cpu', 'cpuacct', 'blkio', 'memory', 'devices', 'freezer', 'net_cls', 'perf_event', 'net_prio', 'hugetlb', 'pids', 'rdma', 'misc'];

const fixed = (text: string, mode = 0o444): Entry => textFile(() => text, mode);

export function systemFiles(kernel: Kernel): Record<string, Entry> {
  return {
    buddyinfo: fixed('Node 0, zone   Normal      0      0      0      0      0      0      0      0      0      0      0 \n', 0o400),
    bus: treeOf({ 'input/devices': fixed(''), 'pci/devices': fixed('') }),
    cgroups: fixed(`#subsys_name\thierarchy\tnum_cgroups\tenabled\n${CGROUP_NAMES.map((name) => `${name}\t0\t1\t1\n`).join('')}`),
    cmdline: fixed('console=ttyS0\n'),
    consoles: fixed('tty0                 -WU (EC  p  )    4:1\n'),
    cpuinfo: textFile(() => cpuInfoText(kernel)),
    crypto: fixed(''),
    devices: fixed('Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n136 pts\n\nBlock devices:\n'),
    diskstats: fixed(''),
    execdomains: fixed('0-0\tLinux           \t[kernel]\n'),
    filesystems: textFile(() => fileSystemsText(kernel)),
    interrupts: fixed('            CPU0       \n'),
    iomem: fixed('', 0o400),
    ioports: fixed('', 0o400),
    kallsyms: fixed(''),
    loadavg: textFile(() => loadText(kernel)),
    locks: fixed(''),
    meminfo: textFile(() => memInfoText(kernel)),
    misc: fixed(''),
    modules: fixed(''),
    partitions: fixed('major minor  #blocks  name\n\n'),
    pressure: treeOf({}),
    slabinfo: fixed('slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n', 0o400),
    softirqs: fixed('                    CPU0       \n'),
    stat: textFile(() => statText(kernel)),
    swaps: fixed('Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n'),
    sysvipc: sysvDirectory(kernel),
    tty: treeOf({ drivers: fixed('/dev/tty             /dev/tty        5       0 system:/dev/tty\n/dev/console         /dev/console    5       1 system:console\n/dev/ptmx            /dev/ptmx       5       2 system\npty_slave            /dev/pts      136 0-1048575 pty:slave\n') }),
    uptime: textFile(() => uptimeText(kernel)),
    version: fixed(`Linux version ${RELEASE} (troupe@localhost) ${VERSION}\n`),
    vmallocinfo: fixed('', 0o400),
    vmstat: textFile(() => vmStatText(kernel)),
    zoneinfo: fixed('', 0o400),
  };
}
