/**
 * SaveTo of the seed: a kernel that stands still, as an image.
 *
 * Order: every task has left the cores, then time stops, then what is written to the host is flushed, then the
 *        object graph, then memory. Nothing of the kernel may run meanwhile: the caller holds it paused.
 */
import { headerWord, IdCounter, KERNEL_HEADER, KernelHeader } from '@troupe/abi';
import { ChunkType, encodeCbor, GraphWriter, ImageError, ImageWriter, RECORDS_PER_PIECE, type Graph, type ImageSink, type ImageWriterOptions } from '@troupe/state';
import { displayPath } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { anchorsOf } from './anchors.js';
import type { ImageInfo, ProcessInfo } from './image-info.js';
import type { BaseImage } from './base-image.js';
import { changedFrames, digestsOf, storedFrames, writeMemory } from './memory-image.js';
import { schemasOf } from './saved-classes.js';

const RUNNING_TASKS = headerWord('runningTasks');
const CPU_CLOCK = (KERNEL_HEADER + KernelHeader.off.cpuClock) / 8;
const TSC_OFFSET = (KERNEL_HEADER + KernelHeader.off.tscOffsetNs) / 8;
const VDSO_PARAMS = headerWord('vdsoParams');

/** Words of the kernel header that are state. */
export interface SavedHeader {
  readonly runningTasks: number;
  readonly cpuClock: bigint;
  /** Time stamp counter when the image was made. */
  readonly tscNs: bigint;
  readonly vdsoParams: number;
}

export interface SavedRoot {
  readonly kernel: Kernel;
  readonly header: SavedHeader;
  readonly counters: Readonly<Record<string, number>>;
}

export interface SaveStatistics {
  readonly objects: number;
  readonly usedPages: number;
  readonly storedPages: number;
  readonly bytesWritten: number;
  /** What an increment of this image would be based on; without digests unless `base` was given. */
  readonly image: BaseImage;
}

export interface SaveKernelOptions extends ImageWriterOptions {
  /** The image has only the pages that differ from this one's; null = all, but the next one may be an increment of it. */
  readonly base?: BaseImage | null;
}

/** Preconditions: paused, time stands still. Throws ImageError 'unsavable'; nothing of the kernel has changed then. */
export async function saveKernel(kernel: Kernel, sink: ImageSink, options: SaveKernelOptions = {}): Promise<SaveStatistics> {
  const graph = graphOf(kernel);
  const used = kernel.frames.usedFrames();
  const { base } = options;
  const writer = await ImageWriter.open(sink, options);
  await writer.writeChunk(ChunkType.INFO, encodeCbor(infoOf(kernel, used.length / 2, base?.id ?? '')));
  await writer.writeChunk(ChunkType.KINDS, encodeCbor(graph.kinds));
  for (let at = 0; at < graph.records.length; at += RECORDS_PER_PIECE) await writer.writeChunk(ChunkType.OBJECTS, encodeCbor(graph.records.slice(at, at + RECORDS_PER_PIECE)));
  const digests = base === undefined ? new Map<number, string>() : digestsOf(kernel.shared, used);
  const stored = base ? changedFrames(used, digests, base) : storedFrames(kernel.shared, used);
  const sizes = await writeMemory(writer, kernel.shared, used, stored);
  await writer.end();
  return { objects: graph.records.length, ...sizes, bytesWritten: writer.bytesWritten, image: { id: Buffer.from(writer.id).toString('hex'), digests } };
}

/**
 * The objects of a kernel whose files are written back and whose memory is complete; holds parts of the living kernel.
 * Throws ImageError 'unsavable', or 'damaged' when pages of the image that it came from are lost.
 */
export function graphOf(kernel: Kernel): Graph {
  const lostPages = kernel.frames.absent?.bringAll() ?? 0;
  if (lostPages > 0) throw new ImageError('damaged', `${lostPages} pages of the image that it came from are lost`, 'memory');
  for (const space of kernel.memory.spaces.values()) space.settleAll();
  kernel.vfs.sync();
  return new GraphWriter(schemasOf(kernel), anchorsOf(kernel)).write(rootOf(kernel));
}

function rootOf(kernel: Kernel): SavedRoot {
  const { i32, i64, u64 } = kernel.shared;
  if (kernel.runner.onCores > 0) throw new ImageError('unsavable', 'tasks are on cores', 'kernel');
  const header = {
    runningTasks: i32[RUNNING_TASKS]!, cpuClock: u64[CPU_CLOCK]!, tscNs: process.hrtime.bigint() + i64[TSC_OFFSET]!, vdsoParams: i32[VDSO_PARAMS]!,
  };
  return { kernel, header, counters: IdCounter.snapshot() };
}

/** Writes the saved words into the header of the kernel that loads; the time stamp counter goes on where it stood. */
export function restoreHeader(kernel: Kernel, header: SavedHeader): void {
  const { i32, i64, u64 } = kernel.shared;
  i32[RUNNING_TASKS] = header.runningTasks;
  u64[CPU_CLOCK] = header.cpuClock;
  i64[TSC_OFFSET] = header.tscNs - process.hrtime.bigint();
  i32[VDSO_PARAMS] = header.vdsoParams;
}

export function infoOf(kernel: Kernel, usedPages: number, base = ''): ImageInfo {
  return {
    createdMs: Date.now(), base, features: kernel.featureSet.names, cores: kernel.applicationCores, memoryLimitBytes: kernel.memory.limitBytes, usedPages, zeroFrame: kernel.memory.zeroFrame,
    kernelFrames: kernelFrames(kernel), hostname: kernel.rootUtsNamespace.hostname, processes: [...kernel.tasks.groups].filter(({ isReaped }) => !isReaped).map((group) => processInfo(kernel, group)),
  };
}

function kernelFrames({ tcbs, memory }: Kernel): number[] {
  return memory.vdso === null ? tcbs.pages : [...tcbs.pages, memory.vdso.params.frame];
}

function processInfo(kernel: Kernel, group: ThreadGroup): ProcessInfo {
  const task = group.liveTasks[0];
  const files = task === undefined ? [] : [...task.fds.entries()];
  return {
    pid: group.tgid, ppid: group.ppid, name: group.leader.name,
    residentPages: task === undefined ? 0 : task.mm.rssPages,
    threads: [...group.tasks].map((thread) => ({ tid: thread.tid, state: thread.state, ...callOf(kernel, thread) })),
    files: files.map(([fd, { file }]) => ({ fd, path: displayPath(file.node, kernel.vfs.root), offBytes: file.offBytes })),
  };
}

function callOf(kernel: Kernel, { syscall, parked }: Task): { readonly call?: string } {
  const name = parked === null || syscall === null ? undefined : kernel.dispatcher.row(syscall.nr)?.name;
  return name === undefined ? {} : { call: name };
}
