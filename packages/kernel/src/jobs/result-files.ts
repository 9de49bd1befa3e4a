/**
 * A directory with the output of every job (parallel(1) --results): DIR/1/VALUE/2/VALUE/{stdout,stderr,seq}, or
 * with replacement strings in the name the files NAME, NAME.err, NAME.seq.
 *
 * Each file appears whole, under its name, and `seq` last: where it is, the job is done.
 */
import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { HostError } from '@troupe/abi';
import { CommandTemplate } from './command-template.js';
import type { JobInput } from './job-inputs.js';
import type { ResultFiles } from './job-output.js';

const ESCAPES: Readonly<Record<string, string>> = { '/': '\\_', '\\': '\\\\', '\t': '\\t', '\0': '\\0' };

/** A value as one name of a path; GNU parallel's escapes, and dots that would name directories. */
function nameOf(value: string): string {
  const name = value.replace(/[/\\\t\0]/g, (char) => ESCAPES[char]!);
  return /^\.\.?$/.test(name) ? name.replaceAll('.', '\\.') : name;
}

interface Paths {
  readonly stdout: string;
  readonly stderr: string;
  readonly seq: string;
}

export class ResultDirectory implements ResultFiles {
  private readonly _template: CommandTemplate;

  constructor(readonly directory: string, marker?: string) {
    this._template = CommandTemplate.ofText(directory, marker);
  }

  private _paths({ args, seq }: JobInput): Paths {
    if (this._template.hasPlaceholder) {
      const name = this._template.fill({ args, seq, slot: 0 });
      if (!name.endsWith('/')) return { stdout: name, stderr: `${name}.err`, seq: `${name}.seq` };
      return inside(name);
    }
    return inside(join(this.directory, ...args.flatMap((arg, index) => [String(index + 1), nameOf(arg)])));
  }

  isDone(input: JobInput): boolean {
    return existsSync(this._paths(input).seq);
  }

  /** Throws HostError when the host refuses. */
  keep(job: JobInput, pieces: Readonly<Record<1 | 2, Iterable<Uint8Array>>>): void {
    const paths = this._paths(job);
    try {
      mkdirSync(dirname(paths.stdout), { recursive: true });
      writeWhole(paths.stdout, pieces[1]);
      writeWhole(paths.stderr, pieces[2]);
      writeWhole(paths.seq, [Buffer.from(String(job.seq))]);
    } catch (error) {
      throw new HostError(`results cannot be written: ${(error as Error).message}`, error);
    }
  }
}

const inside = (dir: string): Paths => ({ stdout: join(dir, 'stdout'), stderr: join(dir, 'stderr'), seq: join(dir, 'seq') });

function writeWhole(path: string, pieces: Iterable<Uint8Array>): void {
  const part = `${path}.part`;
  const fd = openSync(part, 'w');
  try {
    for (const bytes of pieces) for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
  } finally {
    closeSync(fd);
  }
  renameSync(part, path);
}
