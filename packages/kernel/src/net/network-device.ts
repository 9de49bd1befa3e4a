/** A network device of a namespace: the loopback device, the only kind there is (netdevice(7)). */
import { IFA_F_PERMANENT, Iff, RT_SCOPE_HOST } from '@troupe/abi';

/** An IPv4 address of a device. Plain data. */
export interface DeviceAddress {
  /** Four bytes each: the address, and the one at the other end. */
  readonly local: Uint8Array;
  readonly peer: Uint8Array;
  readonly prefixBits: number;
  readonly scope: number;
  readonly flags: number;
  readonly label: string;
}

const LOOPBACK_INDEX = 1;
const LOOPBACK_MTU_BYTES = 65536;
const LOOPBACK_ADDRESS = Uint8Array.of(127, 0, 0, 1);

export class NetworkDevice {
  readonly index = LOOPBACK_INDEX;
  readonly name = 'lo';
  mtuBytes = LOOPBACK_MTU_BYTES;
  isUp = false;
  readonly addresses: DeviceAddress[] = [];

  /** IFF_*; a device that is up also runs. */
  get flags(): number {
    return Iff.LOOPBACK | (this.isUp ? Iff.UP | Iff.RUNNING | Iff.LOWER_UP : 0);
  }

  /** The device as a machine that was started has it. */
  bringUp(): this {
    this.isUp = true;
    this.addresses.push({ local: LOOPBACK_ADDRESS, peer: LOOPBACK_ADDRESS, prefixBits: 8, scope: RT_SCOPE_HOST, flags: IFA_F_PERMANENT, label: this.name });
    return this;
  }

  addressIndex(local: Uint8Array, prefixBits: number | null): number {
    return this.addresses.findIndex((address) => Buffer.compare(address.local, local) === 0 && (prefixBits === null || address.prefixBits === prefixBits));
  }
}
