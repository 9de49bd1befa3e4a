/** Descriptors of fsopen(2) and fspick(2): a file system while it is being configured. */
import { Errno, O_RDWR } from '@troupe/abi';
import { FileDescription, newAnonymousNode, type FileSystem, type Mount } from '@troupe/vfs';

/**
 *   configuring  parameters are collected (fsopen)
 *   created      the file system exists and waits for fsmount
 *   mounted      fsmount took it
 *   changing     parameters for an existing mount are collected (fspick)
 */
export type ContextState = 'configuring' | 'created' | 'mounted' | 'changing';

export class FileSystemContext extends FileDescription {
  readonly options: string[] = [];
  source = 'none';
  isReadOnly = false;
  fileSystem: FileSystem | null = null;

  constructor(readonly typeName: string, public state: ContextState, readonly picked: Mount | null = null) {
    super(newAnonymousNode('[fscontext]'), O_RDWR);
  }

  /** Messages about what went wrong: none are kept. */
  override read(): number {
    return -Errno.ENODATA;
  }

  override write(): number {
    return -Errno.EINVAL;
  }

  /** One parameter, as it would stand in the option string of mount(2). */
  setOption(key: string, value: string | null): void {
    if (key === 'source' && value !== null) this.source = value;
    else if (key === 'ro' && value === null) this.isReadOnly = true;
    else if (key === 'rw' && value === null) this.isReadOnly = false;
    else this.options.push(value === null ? key : `${key}=${value}`);
  }
}
