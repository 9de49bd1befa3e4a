/** The first lines of the kernel log. */
import type { Kernel } from '../kernel.js';
import { RELEASE, VERSION } from '../namespace/uts-namespace.js';

const FRAME_KIB = 4;

export function logBoot(kernel: Kernel): void {
  const { syslog, frames, applicationCores, featureSet } = kernel;
  syslog.append(`Linux version ${RELEASE} (troupe@localhost) ${VERSION}`);
  syslog.append(`Memory: ${(frames.limitFrames - frames.framesInUse) * FRAME_KIB}K/${frames.limitFrames * FRAME_KIB}K available`);
  syslog.append(`x86/fpu: features ${featureSet.names.join(' ')}`);
  syslog.append(`smp: Brought up 1 node, ${applicationCores} CPU${applicationCores === 1 ? '' : 's'}`);
}
