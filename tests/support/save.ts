/** A machine that is saved in the middle, and goes on in another one. */
import { PassThrough } from 'node:stream';
import { Kernel, type Process, type LoadOptions, type KernelOptions } from '@troupe/kernel';

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

export interface Interruption {
  /** Resolves at the moment of the image. */
  readonly when: (output: Output, process: Process) => Promise<void>;
  readonly first?: KernelOptions;
  readonly second?: LoadOptions;
  readonly compress?: boolean;
}

const ENV = { PATH: '/usr/bin:/bin', HOME: '/root', LANG: 'C.UTF-8' };

/** Runs a program on one machine until `when`, and to its end on another. */
export async function runInterrupted(argv: readonly string[], { when, first, second, compress }: Interruption): Promise<Outcome> {
  const output = new Output();
  const kernel = await Kernel.create({ cores: 1, ...first });
  let image: Buffer;
  try {
    const process = kernel.createProcess({ argv, env: ENV, stdout: 'pipe', stderr: 'pipe' });
    output.listen(process);
    kernel.start();
    await when(output, process);
    image = await saveToBytes(kernel, compress);
    // What was written before the image has arrived.
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    await kernel.close();
  }
  return goOn(image, output, second);
}

async function goOn(image: Buffer, output: Output, options: LoadOptions = {}): Promise<Outcome> {
  const kernel = await Kernel.loadFrom(image, { cores: 1, ...options });
  try {
    const process = kernel.processes[0];
    if (process === undefined) {
      // It had ended when the image was made.
      const { code, signo } = kernel.core.globalInit!.exitStatus!;
      return { output: output.text, code, signo };
    }
    const rest = new Output();
    rest.listen(process);
    const { code, signo } = await process.wait();
    await rest.end();
    return { output: output.text + rest.text, code, signo };
  } finally {
    await kernel.close();
  }
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
