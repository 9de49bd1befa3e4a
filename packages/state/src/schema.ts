/**
 * Which classes an image may hold, and what of them. A class is saved field by field; its row says
 * which fields are left out, and what they are after loading (the seed's `state:"nosave"` and afterLoad).
 */
import { ImageError } from './image-error.js';

/** A constructor, abstract or not; its arguments do not matter: loading makes objects without calling it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyClass<T extends object = object> = abstract new (...args: any[]) => T;

/** In `notSaved`: the loaded object has no such field, or keeps that of the object it takes over. */
export const KEPT: unique symbol = Symbol('kept');

export interface SavedClass<T extends object = object> {
  readonly type: AnyClass<T>;
  /** Name in images: package and class. */
  readonly name: string;
  /** Raised when the meaning of its fields changes; `upgrade` then reads older ones. Default 1. */
  readonly version?: number;
  /** Fields left out, and how each is made when the object is loaded. */
  readonly notSaved?: Readonly<Record<string, ((object: T) => unknown) | typeof KEPT>>;
  /** A reason why this object cannot be saved, or null. */
  readonly refuse?: (object: T) => string | null;
  /** Called when every object of the image is there, in the order in which they were saved. */
  readonly afterLoad?: (object: T) => void;
  /** Turns the fields of an older version into those of this one. */
  readonly upgrade?: (fields: Record<string, unknown>, fromVersion: number) => Record<string, unknown>;
}

/** Keeps the type of the row's class for its functions. */
export function savedClass<T extends object>(row: SavedClass<T>): SavedClass {
  return row as unknown as SavedClass;
}

/** Rows of classes whose objects are all that their fields say. `prefix`: the package. */
export function plainClasses(prefix: string, types: Readonly<Record<string, AnyClass>>): SavedClass[] {
  return Object.entries(types).map(([name, type]) => ({ type, name: `${prefix}.${name}` }));
}

export class SchemaRegistry {
  private readonly _byType = new Map<unknown, SavedClass>();
  private readonly _byName = new Map<string, SavedClass>();

  constructor(...lists: readonly (readonly SavedClass[])[]) {
    for (const list of lists) for (const row of list) this._add(row);
  }

  private _add(row: SavedClass): void {
    if (this._byName.has(row.name) || this._byType.has(row.type)) throw new ImageError('format', 'registered twice', row.name);
    this._byName.set(row.name, row);
    this._byType.set(row.type, row);
  }

  /** The row of exactly the class of this object. */
  of(object: object): SavedClass | undefined {
    return this._byType.get(object.constructor);
  }

  named(name: string): SavedClass | undefined {
    return this._byName.get(name);
  }

  get rows(): readonly SavedClass[] {
    return [...this._byName.values()];
  }
}

export const versionOf = (row: SavedClass): number => row.version ?? 1;
