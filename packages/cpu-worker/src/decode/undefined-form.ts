import { FORMS, type Form } from '../interp/forms.js';

let form: Form | undefined;

/** What undefined opcodes become: ud2, an undefined-opcode exception. */
export function undefinedForm(): Form {
  form ??= FORMS.find((f) => f.row.mnemonic === 'ud2');
  if (!form) throw new Error('no row for ud2');
  return form;
}
