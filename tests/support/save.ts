/** A machine that is saved in the middle, and goes on in another one. */
import { PassThrough } from 'node:stream';
import { Kernel, type ImageInput, type Process, type LoadOptions, type KernelOptions } from '@troupe/kernel';

export interface Outcome {
  readonly output: string;
  readonly code: number;
  readonly signo: number;
}

/** What a process writes to its standard output and error, as it comes. */
export class Output {
  text = '';
  private readonly _ends: Promise<void>[] = [];

  listen({ stdout, stderr }: Process): void {
    for (const stream of [stdout!, stderr!]) {
      stream.on('data', (bytes: Buffer) => (this.text += bytes.toString()));
      this._ends.push(new Promise((resolve) => stream.on('end', resolve)));
    }
  }

  async end(): Promise<void> {
    await Promise.all(this._ends);
  }

  /** Resolves when `text` has been written; rejects when the process ended before. */
  async saw(text: string, process: Process): Promise<void> {
    let hasEnded = false;
    void process.wait().then(() => (hasEnded = true));
    while (!this.text.includes(text)) {
      if (hasEnded) throw new Error(`ended before it wrote ${text}: ${this.text}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

export async function saveToBytes(kernel: Kernel, compress = false): Promise<Buffer> {
  const stream = new PassThrough();
  const parts: Buffer[] = [];
  stream.on('data', (bytes: Buffer) => parts.push(bytes));
  await kernel.saveTo(stream, { leaveStopped: true, compress });
  stream.end();
  return Buffer.concat(parts);
}

/** Resolves at the moment of the image. */
export type Moment = (output: Output, process: Process) => Promise<void>;

/** After so much time, or when the process ends. */
export function afterMs(ms: number): Moment {
  return (_output, process) => Promise.race([new Promise<void>((resolve) => setTimeout(resolve, ms)), process.wait().then(() => undefined)]);
}

const ENV = { PATH: '/usr/bin:/bin', HOME: '/root', LANG: 'C.UTF-8' };

/** Output of a machine until it was saved. */
export interface FirstPart<Image> {
  readonly output: string;
  readonly image: Image;
  /** The program had ended before. */
  readonly hasEnded: boolean;
}

async function saveAt<Image>(kernel: Kernel, process: Process, output: Output, when: Moment, save: (kernel: Kernel) => Promise<Image>): Promise<FirstPart<Image>> {
  await when(output, process);
  const image = await save(kernel);
  // What was written before the image has arrived.
  await new Promise((resolve) => setImmediate(resolve));
  return { output: output.text, image, hasEnded: process.group.isZombie || process.group.isReaped };
}

/** Runs a program until `when`, and saves the machine, which stays stopped. */
export async function runUntilSaved<Image>(argv: readonly string[], options: KernelOptions, when: Moment, save: (kernel: Kernel) => Promise<Image>): Promise<FirstPart<Image>> {
  const output = new Output();
  const kernel = await Kernel.create({ cores: 1, ...options });
  try {
    const process = kernel.createProcess({ argv, env: ENV, stdout: 'pipe', stderr: 'pipe' });
    output.listen(process);
    kernel.start();
    return await saveAt(kernel, process, output, when, save);
  } finally {
    await kernel.close();
  }
}

/** As `runUntilSaved`, for a machine that comes from an image. */
export async function goOnUntilSaved<Image>(from: ImageInput, options: LoadOptions, when: Moment, save: (kernel: Kernel) => Promise<Image>): Promise<FirstPart<Image>> {
  const output = new Output();
  const kernel = await Kernel.loadFrom(from, { cores: 1, ...options });
  try {
    const process = kernel.processes[0];
    if (process === undefined) return { output: '', image: await save(kernel), hasEnded: true };
    output.listen(process);
    return await saveAt(kernel, process, output, when, save);
  } finally {
    await kernel.close();
  }
}

/** A machine goes on to its end; `output` is what it writes from now on. */
export async function goOn(image: ImageInput, options: LoadOptions = {}): Promise<Outcome> {
  const kernel = await Kernel.loadFrom(image, { cores: 1, ...options });
  try {
    const process = kernel.processes[0];
    if (process === undefined) {
      // It had ended when the image was made.
      const { code, signo } = kernel.core.globalInit!.exitStatus!;
      return { output: '', code, signo };
    }
    const output = new Output();
    output.listen(process);
    const { code, signo } = await process.wait();
    await output.end();
    return { output: output.text, code, signo };
  } finally {
    await kernel.close();
  }
}

export interface Interruption {
  readonly when: Moment;
  readonly first?: KernelOptions;
  readonly second?: LoadOptions;
  readonly compress?: boolean;
}

/** Runs a program on one machine until `when`, and to its end on another. */
export async function runInterrupted(argv: readonly string[], { when, first, second, compress }: Interruption): Promise<Outcome> {
  const { output, image } = await runUntilSaved(argv, first ?? {}, when, (kernel) => saveToBytes(kernel, compress));
  const rest = await goOn(image, second);
  return { ...rest, output: output + rest.output };
}

/** Runs it without interruption. */
export async function runWhole(argv: readonly string[], options: KernelOptions = {}): Promise<Outcome> {
  const output = new Output();
  const kernel = await Kernel.create({ cores: 1, ...options });
  try {
    const process = kernel.createProcess({ argv, env: ENV, stdout: 'pipe', stderr: 'pipe' });
    output.listen(process);
    kernel.start();
    const { code, signo } = await process.wait();
    await output.end();
    return { output: output.text, code, signo };
  } finally {
    await kernel.close();
  }
}
