/** crc32 (CRC-32C, SDM Vol. 2A CRC32) and carry-less multiplication (PCLMULQDQ). */

/** Remainders of the 16 low nibbles, reflected polynomial 0x82f63b78. */
const NIBBLES: usize = memory.data<u32>([
  0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
  0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
]);

export function crc32c(crc: u32, value: u64, bytes: i32): u32 {
  let r = crc;
  for (let i = 0; i < bytes; i++) {
    r ^= u32(value) & 0xff;
    r = (r >> 4) ^ load<u32>(NIBBLES + ((r & 15) << 2));
    r = (r >> 4) ^ load<u32>(NIBBLES + ((r & 15) << 2));
    value >>= 8;
  }
  return r;
}

export function clmul64(a: u64, b: u64): v128 {
  let low: u64 = 0, high: u64 = 0;
  for (let rest = b; rest != 0; rest &= rest - 1) {
    const i = ctz(rest);
    low ^= a << i;
    if (i != 0) high ^= a >> (64 - i);
  }
  return i64x2.replace_lane(i64x2.splat(low), 1, high);
}
