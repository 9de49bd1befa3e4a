/**
 * LoadFrom of the seed, first half: reads and checks a whole image. Its pages go into a new shared memory on the
 * way, or stay in the file; nothing else exists yet, so that a bad image leaves nothing behind.
 *
 * Throws ImageError.
 */
import { ChunkType, decodeCbor, ImageError, ImageReader, type Chunk, type Graph, type ImageSource, type Kind, type Record_ } from '@troupe/state';
import { FeatureSet } from '../cpu/feature-set.js';
import { decodeInfo, type ImageInfo } from './image-info.js';
import { runCuts, type ImageMemory } from './image-memory.js';
import { readFrames } from './memory-image.js';

export interface LoadedImage {
  /** Hexadecimal. */
  readonly id: string;
  readonly info: ImageInfo;
  readonly graph: Graph;
  /** As FramePool.restore takes them. */
  readonly frames: Uint32Array;
}

/** Which chunk types may follow which. */
const ORDER: readonly ChunkType[] = [ChunkType.INFO, ChunkType.KINDS, ChunkType.OBJECTS, ChunkType.FRAMES, ChunkType.PAGES];

class ImageLoader {
  private _info: ImageInfo | undefined;
  private _kinds: readonly Kind[] = [];
  private readonly _records: Record_[] = [];
  private _frames: Uint32Array | undefined;
  private _stage = 0;

  /** Without memory the pages are checked and skipped. */
  constructor(readonly id: string, readonly source: ImageSource, readonly memory: ImageMemory | null) {}

  take(chunk: Chunk): void {
    const { type, bytes, index } = chunk;
    const where = `chunk ${index}`;
    const stage = ORDER.indexOf(type);
    const isRepeated = stage === this._stage - 1 && (type === ChunkType.OBJECTS || type === ChunkType.PAGES);
    if (stage !== this._stage && !isRepeated) throw new ImageError('damaged', `${type.trim()} does not belong here`, where);
    this._stage = stage + 1;
    if (type === ChunkType.INFO) this._takeInfo(bytes);
    else if (type === ChunkType.KINDS) this._kinds = listOf<Kind>(bytes, where);
    else if (type === ChunkType.OBJECTS) for (const record of listOf<Record_>(bytes, where)) this._records.push(record);
    else if (this.memory === null) return;
    else if (type === ChunkType.FRAMES) this.memory.begin((this._frames = readFrames(bytes)));
    else this.memory.takePages(chunk, this.source.again);
  }

  /** CheckHostCompatible of the seed comes first: what else is wrong matters less. */
  private _takeInfo(bytes: Buffer): void {
    this._info = decodeInfo(bytes);
    const missing = new FeatureSet(this._info.features).missingIn(FeatureSet.emulated());
    if (missing.length > 0) throw new ImageError('incompatible', `CPU features are missing: ${missing.join(', ')}`, 'featureSet');
  }

  finish(): LoadedImage {
    if (this._info === undefined || this._stage < ORDER.indexOf(ChunkType.FRAMES) + 1) throw new ImageError('damaged', 'chunks are missing', 'image');
    return { id: this.id, info: this._info, graph: { kinds: this._kinds, records: this._records }, frames: this._frames ?? new Uint32Array() };
  }
}

function listOf<T>(bytes: Buffer, where: string): T[] {
  // A copy: what is decoded keeps parts of it.
  const list = decodeCbor(Buffer.from(bytes), where);
  if (!Array.isArray(list)) throw new ImageError('damaged', 'no list', where);
  return list as T[];
}

/** Reads to the end. `memory` = null: to look at the image only. */
export async function readImage(source: ImageSource, memory: ImageMemory | null): Promise<LoadedImage> {
  const reader = await ImageReader.open(source, memory === null ? undefined : runCuts);
  const loader = new ImageLoader(Buffer.from(reader.id).toString('hex'), source, memory);
  for await (const chunk of reader.chunks()) loader.take(chunk);
  return loader.finish();
}

/** Reads a complete image and its increments, oldest first; the machine is that of the last one. */
export async function readImages(sources: Iterable<ImageSource>, memory: ImageMemory): Promise<LoadedImage> {
  let last: LoadedImage | undefined;
  for (const source of sources) {
    const image = await readImage(source, memory);
    checkBase(image.info.base, last?.id ?? '');
    last = image;
  }
  if (last === undefined) throw new ImageError('format', 'no image', 'images');
  memory.finish();
  return last;
}

function checkBase(wanted: string, given: string): void {
  if (wanted === given) return;
  const message = wanted === '' ? 'is complete: nothing comes before it' : `is an increment of image ${wanted}, which does not come before it`;
  throw new ImageError('incompatible', message, 'images');
}
