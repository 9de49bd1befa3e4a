/**
 * Turns everything reachable from an object into a Graph. Iterative, as chains may be long.
 *
 * Throws ImageError 'unsavable' with the path of fields for a class without a row, a function, or an
 * object that its row refuses.
 */
import type { Anchors } from './anchors.js';
import { BYTES_TYPES, Code, type BytesName, type Graph, type Kind, type Part, type Record_ } from './graph.js';
import { ImageError } from './image-error.js';
import { versionOf, type SavedClass, type SchemaRegistry } from './schema.js';

/** How many fields of a path an error shows. */
const SHOWN_STEPS = 12;

export class GraphWriter {
  private readonly _numbers = new Map<object, number>();
  private readonly _objects: object[] = [];
  /** How each object was found: the number of its holder and the name there. */
  private readonly _holders: number[] = [];
  private readonly _steps: string[] = [];
  private readonly _kinds: Kind[] = [];
  private readonly _kindNumbers = new Map<string, number>();

  constructor(readonly schemas: SchemaRegistry, readonly anchors: Anchors) {}

  write(root: object): Graph {
    this._number(root, -1, '');
    const records: Record_[] = [];
    for (let n = 0; n < this._objects.length; n++) records.push(this._record(n, this._objects[n]!));
    return { kinds: this._kinds, records };
  }

  private _number(object: object, holder: number, step: string): number {
    const known = this._numbers.get(object);
    if (known !== undefined) return known;
    const number = this._objects.push(object) - 1;
    this._numbers.set(object, number);
    this._holders.push(holder);
    this._steps.push(step);
    return number;
  }

  private _record(n: number, object: object): Record_ {
    if (Array.isArray(object)) return [this._kind({ kind: 'array' }), ...Array.from(object, (value, index) => this._part(value, n, `[${index}]`))];
    if (object instanceof Map) return [this._kind({ kind: 'map' }), ...this._mapParts(object, n)];
    if (object instanceof Set) return [this._kind({ kind: 'set' }), ...Array.from(object, (value) => this._part(value, n, '{}'))];
    if (object instanceof WeakRef) return [this._kind({ kind: 'weakref' }), this._part(object.deref(), n, '.target')];
    if (ArrayBuffer.isView(object)) return this._bytes(n, object);
    const row = this.schemas.of(object);
    if (row !== undefined) return this._fields(n, object, row);
    const prototype: unknown = Object.getPrototypeOf(object);
    if (prototype !== Object.prototype && prototype !== null) throw this._error(n, `objects of class ${object.constructor.name} have no place in images`);
    const fields = Object.keys(object);
    return [this._kind({ kind: 'plain', fields }), ...fields.map((field) => this._part(this._read(object, field, n), n, `.${field}`))];
  }

  private _mapParts(map: ReadonlyMap<unknown, unknown>, n: number): Part[] {
    const parts: Part[] = [];
    for (const [key, value] of map) parts.push(this._part(key, n, '.key'), this._part(value, n, typeof key === 'object' ? '{}' : `{${String(key)}}`));
    return parts;
  }

  private _bytes(n: number, view: ArrayBufferView): Record_ {
    const name = (Buffer.isBuffer(view) ? 'Buffer' : view.constructor.name) as BytesName;
    if (!(name in BYTES_TYPES)) throw this._error(n, `${name} has no place in images`);
    if (view.buffer instanceof SharedArrayBuffer) throw this._error(n, 'a view of shared memory has no place in images');
    return [this._kind({ kind: 'bytes', name }), new Uint8Array(view.buffer, view.byteOffset, view.byteLength)];
  }

  private _fields(n: number, object: object, row: SavedClass): Record_ {
    const reason = row.refuse?.(object);
    if (reason !== undefined && reason !== null) throw this._error(n, reason);
    const fields = Object.keys(object).filter((field) => row.notSaved === undefined || !(field in row.notSaved));
    const anchor = this.anchors.nameOf(object);
    const kind: Kind = { kind: 'class', name: row.name, version: versionOf(row), fields, ...(anchor === undefined ? {} : { adopts: anchor }) };
    return [this._kind(kind), ...fields.map((field) => this._part(this._read(object, field, n), n, `.${field}`))];
  }

  private _read(object: object, field: string, n: number): unknown {
    const descriptor = Object.getOwnPropertyDescriptor(object, field)!;
    if (!('value' in descriptor)) throw this._error(n, `the accessor ${field} has no place in images`);
    return descriptor.value;
  }

  private _part(value: unknown, holder: number, step: string): Part {
    switch (typeof value) {
      case 'number':
      case 'string':
      case 'boolean':
      case 'undefined':
        return value;
      case 'bigint':
        return [Code.BIGINT, value.toString(16)];
      case 'object':
        return value === null ? null : this._reference(value, holder, step);
      case 'function':
        return this._function(value, holder, step);
      default:
        throw this._error(holder, `a ${typeof value} has no place in images`, step);
    }
  }

  private _reference(value: object, holder: number, step: string): Part {
    const anchor = this.anchors.nameOf(value);
    if (anchor !== undefined && !this.anchors.isAdopted(anchor)) return [Code.ANCHOR, anchor];
    return [Code.REF, this._number(value, holder, step)];
  }

  private _function(value: object, holder: number, step: string): Part {
    const anchor = this.anchors.nameOf(value);
    if (anchor === undefined) throw this._error(holder, 'a function has no place in images', step);
    return [Code.ANCHOR, anchor];
  }

  private _kind(kind: Kind): number {
    const key = JSON.stringify(kind);
    let number = this._kindNumbers.get(key);
    if (number === undefined) {
      number = this._kinds.push(kind) - 1;
      this._kindNumbers.set(key, number);
    }
    return number;
  }

  private _error(n: number, message: string, lastStep = ''): ImageError {
    const steps = [lastStep];
    for (let at = n; at >= 0 && steps.length < SHOWN_STEPS; at = this._holders[at]!) steps.unshift(this._steps[at]!);
    return new ImageError('unsavable', message, `kernel${steps.join('')}`);
  }
}
