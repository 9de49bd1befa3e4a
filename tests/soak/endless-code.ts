/** Runs endless-code.c and samples what its machine holds: memory of the process, counters, the use of the area of translated code. */
import { join } from 'node:path';
import { AREA, BLOCK_BYTES, BLOCK_COUNT, JitArea } from '@troupe/cpu-worker/jit/jit-area.js';
import { Kernel } from '@troupe/kernel';
import { compileGuest } from '../support/guest-program.js';
import { ROOT } from '../support/paths.js';

export function compileEndlessCode(): string {
  return compileGuest('endless-code', ['-static'], join(ROOT, 'tests/soak'));
}

export interface Sample {
  readonly seconds: number;
  readonly rssMb: number;
  /** V8's heaps and array buffers of the main thread. */
  readonly heapMb: number;
  /** Frames of guest memory in use. */
  readonly frames: number;
  /** In the area of translated code now. */
  readonly regions: number;
  readonly modules: number;
  readonly inLimbo: number;
  readonly codeMb: number;
  /** Since the start. */
  readonly made: number;
  readonly evicted: number;
  readonly upgraded: number;
  readonly linked: number;
}

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly cores: number;
  readonly sampleMs: number;
  readonly onSample: (sample: Sample) => void;
}

export interface SoakResult {
  readonly output: string;
  readonly code: number;
  readonly samples: readonly Sample[];
}

const MB = 2 ** 20;

function codeMbOf({ shared, base }: JitArea): number {
  const map = base + AREA.blockMap;
  return (shared.u8.subarray(map, map + BLOCK_COUNT).reduce((sum, isUsed) => sum + isUsed, 0) * BLOCK_BYTES) / MB;
}

function takeSample(kernel: Kernel, startMs: number): Sample {
  const { cores } = kernel.metrics();
  const { shared, frames } = kernel.core;
  const area = JitArea.existing(shared);
  const word = (field: 'regionsInUse' | 'modulesInUse' | 'inLimbo'): number => (area ? shared.i32[area.word(field)]! : 0);
  const { rss, heapTotal, external } = process.memoryUsage();
  return {
    seconds: Math.round((performance.now() - startMs) / 1000),
    rssMb: Math.round(rss / MB), heapMb: Math.round((heapTotal + external) / MB), frames: frames.framesInUse,
    regions: word('regionsInUse'), modules: word('modulesInUse'), inLimbo: word('inLimbo'), codeMb: area ? codeMbOf(area) : 0,
    made: cores['regionsTranslated'] ?? 0, evicted: cores['regionsEvicted'] ?? 0, upgraded: cores['regionsUpgraded'] ?? 0, linked: cores['regionsLinked'] ?? 0,
  };
}

export async function soakEndlessCode({ seconds, seed, cores, sampleMs, onSample }: SoakOptions): Promise<SoakResult> {
  const kernel = await Kernel.create({ cores, onReport: (message) => process.stderr.write(`troupe: ${message}\n`) });
  const samples: Sample[] = [];
  const startMs = performance.now();
  const timer = setInterval(() => {
    samples.push(takeSample(kernel, startMs));
    onSample(samples.at(-1)!);
  }, sampleMs);
  try {
    const program = kernel.createProcess({ argv: [compileEndlessCode(), String(seconds), String(seed)], env: [], stdout: 'pipe', stderr: 'pipe' });
    let output = '';
    for (const stream of [program.stdout, program.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk.toString('latin1')));
    kernel.start();
    const { code, signo } = await program.wait();
    return { output, code: signo === 0 ? code : 128 + signo, samples };
  } finally {
    clearInterval(timer);
    await kernel.close();
  }
}

/** The first part of a run, in which memory may still grow. */
const WARM_UP = 0.4;
/** Memory of the process that may come after it: V8 collects when it likes. */
const MAX_GROWTH_MB = 64;

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

/** Medians of the process's memory: after the warm-up, and at the end. Undefined when there are too few samples. */
export function growthOf(samples: readonly Sample[]): { readonly warmMb: number; readonly endMb: number; readonly isBounded: boolean } | undefined {
  const part = Math.floor(samples.length * (1 - WARM_UP) / 3);
  if (part < 2) return undefined;
  const from = samples.length - part * 3;
  const warmMb = median(samples.slice(from, from + part).map(({ rssMb }) => rssMb));
  const endMb = median(samples.slice(-part).map(({ rssMb }) => rssMb));
  return { warmMb, endMb, isBounded: endMb - warmMb <= MAX_GROWTH_MB };
}
