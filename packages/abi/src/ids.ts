/** Branded ids. They are plain numbers at run time. */
declare const brand: unique symbol;
type Branded<B extends string> = number & { readonly [brand]?: B };

export type Pid = Branded<'Pid'>;
export type Tid = Branded<'Tid'>;
export type Fd = Branded<'Fd'>;
/** Guest virtual address; user addresses have at most 47 bits and are exact in a number. */
export type GuestAddr = Branded<'GuestAddr'>;
/** Byte address in the shared linear memory, page-aligned; 0 = none. */
export type FrameAddr = Branded<'FrameAddr'>;
/** Guest page number (guest address >> 12). */
export type PageNo = Branded<'PageNo'>;
export type CoreId = Branded<'CoreId'>;
