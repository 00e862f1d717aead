import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Clipboard, type ICommandPalette, Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  addIcon,
  copyIcon,
  type LabIcon,
  refreshIcon,
  spreadsheetIcon
} from '@jupyterlab/ui-components';

import { gaugeIcon } from './icon';
import type { MeterModel } from './model';
import type { OpenNotebook } from './notebook';
import type { IDesk } from './wire';

export const CommandIDs = {
  open: 'asksage:open',
  refresh: 'asksage:refresh',
  copySummary: 'asksage:copy-summary',
  insertCell: 'asksage:insert-cell',
  showUsage: 'asksage:show-usage'
} as const;

const LOAD = '%load_ext asksage_jupyter';
/** With a model that any tenant has, where none is set. */
const BEGIN = `${LOAD}\nimport asksage_jupyter as sage\n\nsage.choose_model()`;
const PROMPT = '%%asksage\n';
const USAGE = 'from asksage_jupyter import usage\n\nusage()';

interface IParts {
  readonly app: JupyterFrontEnd;
  readonly desk: IDesk;
  readonly model: MeterModel;
  readonly notebook: OpenNotebook;
  readonly open: () => void;
  readonly palette: ICommandPalette | null;
  readonly trans: TranslationBundle;
}

interface ICommand {
  readonly id: string;
  readonly label: string;
  readonly caption: string;
  readonly icon: LabIcon;
  readonly execute: () => unknown;
  readonly isEnabled?: () => boolean;
}

/** Add the commands, and list them in the palette where there is one. */
export function addCommands(parts: IParts): void {
  const { app, palette, trans } = parts;
  for (const { id, ...command } of [...accountCommands(parts), ...notebookCommands(parts)]) {
    app.commands.addCommand(id, {
      ...command,
      describedBy: { args: { type: 'object', properties: {} } }
    });
    palette?.addItem({ command: id, category: trans.__('Ask Sage') });
  }
}

function accountCommands({ desk, model, open, trans }: IParts): ICommand[] {
  return [
    {
      id: CommandIDs.open,
      label: trans.__('Open the Ask Sage Sidebar'),
      caption: trans.__('Show what is left of the month, and where it went'),
      icon: gaugeIcon,
      execute: open
    },
    {
      id: CommandIDs.refresh,
      label: trans.__('Refresh the Ask Sage Balance'),
      caption: trans.__("Compare with the service's counters"),
      icon: refreshIcon,
      execute: () => model.refresh()
    },
    {
      id: CommandIDs.copySummary,
      label: trans.__('Copy a Month Summary as Markdown'),
      caption: trans.__("Put a summary of this month's Ask Sage tokens on the clipboard"),
      icon: copyIcon,
      execute: () => copySummary(desk, trans)
    }
  ];
}

function notebookCommands({ notebook, trans }: IParts): ICommand[] {
  const isEnabled = () => notebook.path !== null;
  return [
    {
      id: CommandIDs.insertCell,
      label: trans.__('Insert an %1 Cell', '%%asksage'),
      caption: trans.__('Put a cell for a prompt below the active cell'),
      icon: addIcon,
      isEnabled,
      execute: () => notebook.insert(...(notebook.contains(LOAD) ? [] : [BEGIN]), PROMPT)
    },
    {
      id: CommandIDs.showUsage,
      label: trans.__('Show Ask Sage Usage as a DataFrame'),
      caption: trans.__('Put a cell that lists every call below the active cell'),
      icon: spreadsheetIcon,
      isEnabled,
      execute: () => notebook.insert(USAGE)
    }
  ];
}

async function copySummary(desk: IDesk, trans: TranslationBundle): Promise<void> {
  try {
    await copy(await desk.summary());
    Notification.success(trans.__('The month summary is on the clipboard.'), { autoClose: 3000 });
  } catch (error) {
    const { message } = error as Error;
    Notification.error(trans.__('The month summary could not be copied: %1', message));
  }
}

/** Browsers have a clipboard on secure pages only; elsewhere the older way is left. */
async function copy(text: string): Promise<void> {
  if (window.isSecureContext) {
    await navigator.clipboard.writeText(text);
  } else {
    Clipboard.copyToSystem(text);
  }
}
