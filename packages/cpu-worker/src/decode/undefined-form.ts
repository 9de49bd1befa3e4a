import { FORMS, type Form } from '../interp/forms.js';

const byMnemonic = new Map<string, Form>();

function formOf(mnemonic: string): Form {
  const form = byMnemonic.get(mnemonic) ?? FORMS.find((f) => f.row.mnemonic === mnemonic);
  if (!form) throw new Error(`no row for ${mnemonic}`);
  byMnemonic.set(mnemonic, form);
  return form;
}

/** What undefined opcodes become: ud2, an undefined-opcode exception. */
export function undefinedForm(): Form {
  return formOf('ud2');
}

/** What instructions of more than 15 bytes become: a privileged instruction, a #GP (SDM Vol. 2A 2.3.11). */
export function overlongForm(): Form {
  return formOf('hlt');
}
