/** sysfs: processors, memory policy, the empty class and device trees that programs look for. */
import { SyntheticFileSystem, fixedDirectory, textFile, treeOf, type DirectoryEntry, type Entry } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';

const SYSFS_MAGIC = 0x62656572;
const CACHES = [
  { level: 1, type: 'Data', size: '32K', ways: 8, shared: false },
  { level: 1, type: 'Instruction', size: '32K', ways: 8, shared: false },
  { level: 2, type: 'Unified', size: '256K', ways: 8, shared: false },
  { level: 3, type: 'Unified', size: '8192K', ways: 16, shared: true },
] as const;

const fixed = (text: string): Entry => textFile(() => `${text}\n`);
const cpuRange = (cores: number): string => (cores === 1 ? '0' : `0-${cores - 1}`);
const cpuMask = (cpus: readonly number[]): string => cpus.reduce((mask, cpu) => mask | (1n << BigInt(cpu)), 0n).toString(16);

function cpuDirectory(core: number, cores: number): DirectoryEntry {
  const all = Array.from({ length: cores }, (_, cpu) => cpu);
  const files: Record<string, Entry> = {
    ...(core > 0 ? { online: fixed('1') } : {}),
    'topology/core_id': fixed(String(core)), 'topology/physical_package_id': fixed('0'), 'topology/die_id': fixed('0'),
    'topology/thread_siblings': fixed(cpuMask([core])), 'topology/thread_siblings_list': fixed(String(core)),
    'topology/core_siblings': fixed(cpuMask(all)), 'topology/core_siblings_list': fixed(cpuRange(cores)),
    'topology/core_cpus_list': fixed(String(core)), 'topology/package_cpus_list': fixed(cpuRange(cores)),
  };
  CACHES.forEach(({ level, type, size, ways, shared }, index) => {
    const at = `cache/index${index}`;
    files[`${at}/level`] = fixed(String(level));
    files[`${at}/type`] = fixed(type);
    files[`${at}/size`] = fixed(size);
    files[`${at}/ways_of_associativity`] = fixed(String(ways));
    files[`${at}/coherency_line_size`] = fixed('64');
    files[`${at}/shared_cpu_list`] = fixed(shared ? cpuRange(cores) : String(core));
    files[`${at}/shared_cpu_map`] = fixed(cpuMask(shared ? all : [core]));
  });
  return treeOf(files);
}

function cpusDirectory(cores: number): DirectoryEntry {
  const range = cpuRange(cores);
  const entries: Record<string, Entry> = {
    online: fixed(range), possible: fixed(range), present: fixed(range), offline: fixed(''), kernel_max: fixed('63'), isolated: fixed(''),
    smt: treeOf({ active: fixed('0'), control: fixed('notsupported') }),
  };
  for (let core = 0; core < cores; core++) entries[`cpu${core}`] = cpuDirectory(core, cores);
  return fixedDirectory(entries);
}

function nodeFiles(kernel: Kernel): Record<string, Entry> {
  const cores = kernel.applicationCores;
  const totalKib = (): number => kernel.frames.limitFrames * 4;
  const freeKib = (): number => totalKib() - kernel.frames.framesInUse * 4;
  return {
    online: fixed('0'), possible: fixed('0'), has_cpu: fixed('0'), has_memory: fixed('0'), has_normal_memory: fixed('0'),
    'node0/cpulist': fixed(cpuRange(cores)), 'node0/cpumap': fixed(cpuMask(Array.from({ length: cores }, (_, cpu) => cpu))), 'node0/distance': fixed('10'),
    'node0/meminfo': textFile(() => `Node 0 MemTotal:       ${totalKib()} kB\nNode 0 MemFree:        ${freeKib()} kB\nNode 0 MemUsed:        ${totalKib() - freeKib()} kB\n`),
  };
}

/** The cgroup2 files of the root group that container-aware programs read. */
function cgroupFiles(kernel: Kernel): Record<string, Entry> {
  return {
    'cgroup.controllers': fixed('cpuset cpu io memory pids'), 'cgroup.procs': textFile(() => [...kernel.tasks.groups].map(({ tgid }) => `${tgid}\n`).join('')),
    'cgroup.subtree_control': fixed(''), 'cpu.stat': fixed('usage_usec 0\nuser_usec 0\nsystem_usec 0'),
    'cpuset.cpus.effective': fixed(cpuRange(kernel.applicationCores)), 'cpuset.mems.effective': fixed('0'), 'memory.stat': fixed('anon 0\nfile 0'),
  };
}

function rootEntry(kernel: Kernel): DirectoryEntry {
  const empty = (): DirectoryEntry => treeOf({});
  return fixedDirectory({
    block: empty(), bus: empty(), class: fixedDirectory({ net: empty(), tty: empty(), block: empty(), dmi: empty() }), dev: fixedDirectory({ block: empty(), char: empty() }),
    devices: fixedDirectory({
      system: fixedDirectory({
        cpu: cpusDirectory(kernel.applicationCores),
        node: treeOf(nodeFiles(kernel)),
        clocksource: treeOf({ 'clocksource0/current_clocksource': fixed('tsc'), 'clocksource0/available_clocksource': fixed('tsc ') }),
      }),
      virtual: fixedDirectory({ net: empty() }),
    }),
    firmware: empty(),
    fs: fixedDirectory({ cgroup: treeOf(cgroupFiles(kernel)) }),
    hypervisor: empty(),
    kernel: fixedDirectory({
      mm: treeOf({
        'transparent_hugepage/enabled': fixed('always madvise [never]'), 'transparent_hugepage/defrag': fixed('always defer defer+madvise madvise [never]'),
        'transparent_hugepage/shmem_enabled': fixed('always within_size advise [never] deny force'), 'transparent_hugepage/hpage_pmd_size': fixed('2097152'),
        'transparent_hugepage/use_zero_page': fixed('0'),
        'hugepages/hugepages-2048kB/nr_hugepages': fixed('0'), 'hugepages/hugepages-2048kB/free_hugepages': fixed('0'),
        'hugepages/hugepages-2048kB/resv_hugepages': fixed('0'), 'hugepages/hugepages-2048kB/surplus_hugepages': fixed('0'),
      }),
      security: empty(), debug: empty(),
    }),
    module: empty(), power: empty(),
  });
}

const SYSFS = 'sysfs';

export function createSysFs(kernel: Kernel): SyntheticFileSystem {
  return new SyntheticFileSystem({ type: SYSFS, magic: SYSFS_MAGIC, root: rootEntry(kernel), fileBytes: 4096, realtimeNs: () => kernel.realtimeNs() });
}

/** Connects a sysfs that came with an image. */
export function reconnectSysFs(kernel: Kernel, fs: SyntheticFileSystem): void {
  if (fs.type === SYSFS) fs.rootEntry = rootEntry(kernel);
}
