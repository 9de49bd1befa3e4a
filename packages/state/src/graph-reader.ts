/**
 * Makes the objects of a Graph again: first all of them empty, then their parts, then what their rows
 * do after loading.
 *
 * Throws ImageError 'damaged' for a graph that no writer makes, 'incompatible' for classes, versions or
 * anchors that do not exist here.
 */
import type { Anchors } from './anchors.js';
import { BYTES_TYPES, Code, type BytesName, type Graph, type Kind, type Record_ } from './graph.js';
import { ImageError } from './image-error.js';
import { KEPT, versionOf, type SavedClass, type SchemaRegistry } from './schema.js';

type Fields = Record<string, unknown>;

export class GraphReader {
  private readonly _objects: unknown[] = [];

  constructor(readonly schemas: SchemaRegistry, readonly anchors: Anchors) {}

  /** The root object. */
  read(graph: Graph): unknown {
    const { kinds, records } = graph;
    const kindOf = (n: number): Kind => kinds[records[n]![0]] ?? this._damaged(n, 'unknown kind');
    for (let n = 0; n < records.length; n++) this._objects.push(this._empty(n, kindOf(n), records[n]!));
    for (let n = 0; n < records.length; n++) if (kindOf(n).kind === 'weakref') this._objects[n] = this._weakRef(n, records[n]!);
    for (let n = 0; n < records.length; n++) this._fill(n, kindOf(n), records[n]!);
    for (let n = 0; n < records.length; n++) this._finish(kindOf(n), this._objects[n]);
    if (records.length === 0) this._damaged(0, 'no objects');
    return this._objects[0];
  }

  private _empty(n: number, kind: Kind, record: Record_): unknown {
    switch (kind.kind) {
      case 'class':
        return kind.adopts === undefined ? Object.create(this._row(kind).type.prototype as object) : this._anchor(kind.adopts);
      case 'plain':
        return {};
      case 'array':
        return [];
      case 'map':
        return new Map();
      case 'set':
        return new Set();
      case 'bytes':
        return this._bytes(n, kind.name, record[1]);
      default:
        return undefined;
    }
  }

  private _row(kind: { readonly name: string; readonly version: number }): SavedClass {
    const row = this.schemas.named(kind.name);
    if (row === undefined) throw new ImageError('incompatible', 'no such class', kind.name);
    if (kind.version > versionOf(row) || (kind.version < versionOf(row) && row.upgrade === undefined)) {
      throw new ImageError('incompatible', `version ${kind.version} of the image cannot be read as version ${versionOf(row)}`, kind.name);
    }
    return row;
  }

  private _anchor(name: string): unknown {
    const value = this.anchors.get(name);
    if (value === undefined) throw new ImageError('incompatible', 'no such part of the kernel', name);
    return value;
  }

  private _bytes(n: number, name: BytesName, bytes: unknown): ArrayBufferView {
    const type = Object.hasOwn(BYTES_TYPES, name) ? BYTES_TYPES[name] : this._damaged(n, 'unknown array type');
    if (!(bytes instanceof Uint8Array)) return this._damaged(n, 'no bytes');
    const copy = new Uint8Array(bytes);
    if (name === 'Buffer') return Buffer.from(copy.buffer);
    const width = (type as typeof Uint8Array).BYTES_PER_ELEMENT;
    if (copy.length % width !== 0) this._damaged(n, 'partial element');
    return new (type as typeof Uint8Array)(copy.buffer);
  }

  private _weakRef(n: number, record: Record_): WeakRef<object> {
    const target = this._value(record[1], n);
    // A dead reference stays one: nothing else holds its target.
    return new WeakRef(typeof target === 'object' && target !== null ? target : {});
  }

  private _fill(n: number, kind: Kind, record: Record_): void {
    const object = this._objects[n];
    switch (kind.kind) {
      case 'class':
        return this._fillClass(n, kind, record, object as Fields);
      case 'plain':
        return Object.assign(object as Fields, this._fields(n, kind.fields, record)) as never;
      case 'array':
        for (let i = 1; i < record.length; i++) (object as unknown[]).push(this._value(record[i], n));
        return;
      case 'set':
        for (let i = 1; i < record.length; i++) (object as Set<unknown>).add(this._value(record[i], n));
        return;
      case 'map':
        for (let i = 1; i + 1 < record.length; i += 2) (object as Map<unknown, unknown>).set(this._value(record[i], n), this._value(record[i + 1], n));
    }
  }

  private _fillClass(n: number, kind: { readonly name: string; readonly version: number; readonly fields: readonly string[] }, record: Record_, object: Fields): void {
    const row = this._row(kind);
    const fields = this._fields(n, kind.fields, record);
    Object.assign(object, kind.version === versionOf(row) ? fields : row.upgrade!(fields, kind.version));
    for (const [field, make] of Object.entries(row.notSaved ?? {})) if (make !== KEPT) object[field] = make(object);
  }

  private _fields(n: number, names: readonly string[], record: Record_): Fields {
    if (names.length !== record.length - 1) this._damaged(n, 'wrong number of fields');
    const fields: Fields = {};
    names.forEach((name, index) => {
      if (name === '__proto__') this._damaged(n, 'impossible field');
      fields[name] = this._value(record[index + 1], n);
    });
    return fields;
  }

  private _value(part: unknown, n: number): unknown {
    if (!Array.isArray(part)) return part;
    const [code, payload] = part as [number, number | string];
    if (code === Code.REF && typeof payload === 'number' && payload >= 0 && payload < this._objects.length) return this._objects[payload];
    if (code === Code.BIGINT && typeof payload === 'string' && /^-?[0-9a-f]+$/.test(payload)) return payload.startsWith('-') ? -BigInt(`0x${payload.slice(1)}`) : BigInt(`0x${payload}`);
    if (code === Code.ANCHOR && typeof payload === 'string') return this._anchor(payload);
    return this._damaged(n, 'impossible value');
  }

  private _finish(kind: Kind, object: unknown): void {
    if (kind.kind === 'class') this.schemas.named(kind.name)!.afterLoad?.(object as object);
  }

  private _damaged(n: number, message: string): never {
    throw new ImageError('damaged', message, `object ${n}`);
  }
}
