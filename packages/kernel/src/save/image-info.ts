/** The first chunk of an image: what it is of. */
import { PAGE_SIZE } from '@troupe/abi';
import { decodeCbor, ImageError } from '@troupe/state';

export interface ImageInfo {
  /** When it was made, ms since the epoch. */
  readonly createdMs: number;
  /** CPU features the programs were told of (FeatureSet). */
  readonly features: readonly string[];
  /** Id of the image that this one is an increment of, hexadecimal; '' = it is complete. */
  readonly base: string;
  /** Cores of the kernel that was saved. */
  readonly cores: number;
  readonly memoryLimitBytes: number;
  readonly usedPages: number;
  /** Linear address of the frame of zeros. */
  readonly zeroFrame: number;
  /** Linear addresses of the frames that the kernel writes without looking in a page table. */
  readonly kernelFrames: readonly number[];
  readonly hostname: string;
  readonly processes: readonly ProcessInfo[];
}

/** A process as `troupe image inspect` shows it. */
export interface ProcessInfo {
  readonly pid: number;
  readonly ppid: number;
  readonly name: string;
  readonly residentPages: number;
  readonly threads: readonly ThreadInfo[];
  readonly files: readonly FileInfo[];
}

export interface ThreadInfo {
  readonly tid: number;
  readonly state: string;
  /** The system call it waits in. */
  readonly call?: string;
}

export interface FileInfo {
  readonly fd: number;
  readonly path: string;
  readonly offBytes: number;
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isList = (value: unknown): boolean => Array.isArray(value);
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

const areFrames = (value: unknown): boolean => Array.isArray(value) && value.every((frame) => isCount(frame) && frame % PAGE_SIZE === 0 && frame < 2 ** 32);

const FIELDS: Readonly<Record<keyof ImageInfo, (value: unknown) => boolean>> = {
  createdMs: isCount, features: isList, base: isText, cores: isCount, memoryLimitBytes: isCount, usedPages: isCount, zeroFrame: isCount, kernelFrames: areFrames, hostname: isText, processes: isList,
};

/** Throws ImageError. */
export function decodeInfo(bytes: Buffer): ImageInfo {
  const info = decodeCbor(bytes, 'info') as Record<string, unknown> | null;
  for (const [field, isValid] of Object.entries(FIELDS)) if (!isValid(info?.[field])) throw new ImageError('damaged', 'missing or of the wrong type', `info.${field}`);
  return info as unknown as ImageInfo;
}
