/** Why a machine could not be saved, or an image not be read. `where` names the place: a path in the object graph, a chunk. */
export type ImageProblem =
  /** Not an image, or of another version. */
  | 'format'
  /** Bytes changed, are missing, or belong to another image. */
  | 'damaged'
  /** The image needs something this machine or these options do not have. */
  | 'incompatible'
  /** The running machine holds something that no image can hold. */
  | 'unsavable';

export class ImageError extends Error {
  override readonly name = 'ImageError';

  constructor(readonly problem: ImageProblem, message: string, readonly where: string) {
    super(`${where}: ${message}`);
  }
}
