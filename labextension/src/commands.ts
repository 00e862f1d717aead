import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Clipboard, type ICommandPalette, Notification } from '@jupyterlab/apputils';
import {
  addIcon,
  copyIcon,
  type LabIcon,
  refreshIcon,
  spreadsheetIcon
} from '@jupyterlab/ui-components';

import { gaugeIcon } from './icon';
import type { MeterModel } from './model';
import { BEGIN, LOAD, type OpenNotebook, PROMPT } from './notebook';
import type { IDesk } from './wire';

export const CommandIDs = {
  open: 'asksage:open',
  refresh: 'asksage:refresh',
  copySummary: 'asksage:copy-summary',
  insertCell: 'asksage:insert-cell',
  showUsage: 'asksage:show-usage'
} as const;

const USAGE = 'from asksage_jupyter import usage\n\nusage()';

interface IParts {
  readonly app: JupyterFrontEnd;
  readonly desk: IDesk;
  readonly model: MeterModel;
  readonly notebook: OpenNotebook;
  readonly open: () => void;
  readonly palette: ICommandPalette | null;
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
  const { app, palette } = parts;
  for (const { id, ...command } of [...accountCommands(parts), ...notebookCommands(parts)]) {
    app.commands.addCommand(id, {
      ...command,
      describedBy: { args: { type: 'object', properties: {} } }
    });
    palette?.addItem({ command: id, category: 'Ask Sage' });
  }
}

function accountCommands({ desk, model, open }: IParts): ICommand[] {
  return [
    {
      id: CommandIDs.open,
      label: 'Open the Ask Sage Sidebar',
      caption: 'Show what is left of the month, and where it went',
      icon: gaugeIcon,
      execute: open
    },
    {
      id: CommandIDs.refresh,
      label: 'Refresh the Ask Sage Balance',
      caption: "Compare with the service's counters",
      icon: refreshIcon,
      execute: () => model.refresh()
    },
    {
      id: CommandIDs.copySummary,
      label: 'Copy a Month Summary as Markdown',
      caption: "Put a summary of this month's Ask Sage tokens on the clipboard",
      icon: copyIcon,
      execute: () => copySummary(desk)
    }
  ];
}

function notebookCommands({ notebook }: IParts): ICommand[] {
  const isEnabled = () => notebook.path !== null;
  return [
    {
      id: CommandIDs.insertCell,
      label: 'Insert an %%asksage Cell',
      caption: 'Put a cell for a prompt below the active cell',
      icon: addIcon,
      isEnabled,
      execute: () => notebook.insert(...(notebook.contains(LOAD) ? [] : [BEGIN]), PROMPT)
    },
    {
      id: CommandIDs.showUsage,
      label: 'Show Ask Sage Usage as a DataFrame',
      caption: 'Put a cell that lists every call below the active cell',
      icon: spreadsheetIcon,
      isEnabled,
      execute: () => notebook.insert(USAGE)
    }
  ];
}

async function copySummary(desk: IDesk): Promise<void> {
  try {
    await copy(await desk.summary());
    Notification.success('The month summary is on the clipboard.', { autoClose: 3000 });
  } catch (error) {
    const { message } = error as Error;
    Notification.error(`The month summary could not be copied: ${message}`);
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
