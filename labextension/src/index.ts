import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { type ISignal, Signal } from '@lumino/signaling';

import { addCommands, CommandIDs } from './commands';
import { footings } from './kernel';
import { MeterModel } from './model';
import { OpenNotebook } from './notebook';
import { Preferences } from './preferences';
import { prompts } from './prompt';
import { Sidebar } from './sidebar';
import { StatusItem } from './status';
import { IAskSage } from './token';
import { Announcer, Told } from './warnings';
import { Desk, HINT } from './wire';

const RANK = 250;
const RANK_IN_MENU = 1000; // Notebook's spacer has 900, what it tells of the kernel 10010

const plugin: JupyterFrontEndPlugin<IAskSage> = {
  id: '@asksage/jupyter:plugin',
  description: 'The token meter for Ask Sage: what is left, in the sidebar and in the status bar.',
  autoStart: true,
  provides: IAskSage,
  optional: [ICommandPalette, ILayoutRestorer, ISettingRegistry, IStatusBar],
  activate
};

export { IAskSage };
export type { Balance, Price } from './wire';
export default [plugin, prompts];

function activate(
  app: JupyterFrontEnd,
  palette: ICommandPalette | null,
  restorer: ILayoutRestorer | null,
  registry: ISettingRegistry | null,
  statusBar: IStatusBar | null
): IAskSage {
  const desk = new Desk(app.serviceManager.serverSettings);
  const notebook = new OpenNotebook(app.shell);
  const model = new MeterModel(desk, document, () => footings.of(notebook.kernel));
  const preferences = new Preferences();
  const open = () => app.shell.activateById(Sidebar.ID);

  addCommands({ app, desk, model, notebook, open, palette });
  const actions = {
    notebook,
    refresh: () => void model.refresh(),
    stop: (endpoint: string) => void model.stop(endpoint),
    insertCell: () => void app.commands.execute(CommandIDs.insertCell),
    showCell: (path: string, cell: string) => {
      notebook.showWhenOpen(path, cell);
      void app.commands.execute('docmanager:open', { path });
    }
  };
  const leave = () => app.shell.activateById(app.shell.currentWidget?.id ?? '');
  const sidebar = new Sidebar(model, actions, leave);
  app.shell.add(sidebar, 'right', { rank: RANK, type: 'Ask Sage' });
  restorer?.add(sidebar, Sidebar.ID);

  const settled = registry?.load(plugin.id).then(settings => preferences.follow(settings));
  void Promise.allSettled([settled]).then(() => {
    // Only now: a person who wants neither should see neither for a moment.
    const item = new StatusItem(model, preferences, open);
    if (statusBar) {
      addStatusItem(statusBar, item, model, preferences);
    } else {
      addToMenuBar(app, item, model, preferences);
    }
    warn(model, preferences, open);
  });

  notebook.changed.connect(({ path }) => {
    model.setNotebook(path);
    void model.follow();
    sidebar.update();
  });
  footings.changed.connect(() => void model.follow());
  void app.restored.then(() => notebook.follow());
  app.serviceManager.events.stream.connect((_, event) => {
    if (event.schema_id === HINT) {
      void model.read();
    }
  });
  app.serviceManager.connectionFailure.connect(() => {
    if (!model.state.trouble) {
      void model.read(); // it is away: say so now; the model looks for it from then on
    }
  });
  void model.read();
  return {
    get balance() {
      return model.state.balance;
    },
    changed: balanceOf(model),
    estimate: source => desk.estimate(source)
  };
}

/** A signal of the balance alone: the model's tells of details, too. */
function balanceOf(model: MeterModel): ISignal<object, void> {
  const changed = new Signal<object, void>(model);
  let { balance } = model.state;
  model.changed.connect(() => {
    if (balance !== model.state.balance) {
      balance = model.state.balance;
      changed.emit();
    }
  });
  return changed;
}

function addStatusItem(
  statusBar: IStatusBar,
  item: StatusItem,
  model: MeterModel,
  preferences: Preferences
): void {
  statusBar.registerStatusItem('asksage', {
    item,
    align: 'right',
    rank: RANK,
    priority: 1, // stays in a narrow window
    isActive: () => isWanted(model, preferences),
    activeStateChanged: anyOf(model.changed, preferences.changed)
  });
}

/** Where there is no status bar, as in Notebook 7, the line stands in the menu bar, right of its spacer. */
function addToMenuBar(
  app: JupyterFrontEnd,
  item: StatusItem,
  model: MeterModel,
  preferences: Preferences
): void {
  const follow = () => item.setHidden(!isWanted(model, preferences));
  item.id = 'asksage-status';
  anyOf(model.changed, preferences.changed).connect(follow);
  follow();
  app.shell.add(item, 'menu', { rank: RANK_IN_MENU });
}

function isWanted(model: MeterModel, preferences: Preferences): boolean {
  return preferences.statusBar && model.state.trouble?.kind !== 'missing';
}

/** Tell the person when tokens run short. */
function warn(model: MeterModel, preferences: Preferences, open: () => void): void {
  const actions = [{ label: 'Show', callback: open }];
  const announcer = new Announcer(new Told(window.localStorage), words => {
    const id = Notification.warning(words, { autoClose: false, actions });
    return {
      update: message => void Notification.update({ id, message, actions }),
      dismiss: () => Notification.dismiss(id)
    };
  });
  const tell = () => {
    const { balance } = model.state;
    if (balance) {
      announcer.say(balance);
    }
    if (balance && preferences.notifications) {
      announcer.warn(balance);
    }
  };
  model.changed.connect(tell);
  tell();
}

/** A signal that is emitted with each of these. */
function anyOf(...signals: ISignal<object, void>[]): ISignal<object, void> {
  const all = new Signal<object, void>({});
  signals.forEach(signal => signal.connect(() => all.emit()));
  return all;
}
