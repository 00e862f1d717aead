import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { type ISignal, Signal } from '@lumino/signaling';

/** A person's settings, as `schema/plugin.json` describes them; its defaults where there is no registry. */
export class Preferences {
  statusBar = true;
  shows: 'remaining' | 'used' = 'remaining';
  notifications = true;

  /** Emitted after a change. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Be as these settings are, from now on. */
  follow(settings: ISettingRegistry.ISettings): void {
    const read = () => {
      const { statusBar, shows, notifications } = settings.composite;
      this.statusBar = statusBar !== false;
      this.shows = shows === 'used' ? 'used' : 'remaining';
      this.notifications = notifications !== false;
      this._changed.emit();
    };
    settings.changed.connect(read);
    read();
  }

  private readonly _changed = new Signal<this, void>(this);
}
