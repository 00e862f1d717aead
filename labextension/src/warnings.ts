/** Warnings and, for those who do not see the colours, the step that a meter has come to. */
import type { IDisposable } from '@lumino/disposable';

import type { Balance } from './wire';

/** A warning on the screen; the person may have taken it away already. */
export interface IStanding {
  update(words: string): void;
  dismiss(): void;
}

export class Announcer implements IDisposable {
  /** @param notify Shows a warning that stays until it is read. */
  constructor(
    private readonly told: Told,
    private readonly notify: (words: string) => IStanding
  ) {
    this.region.className = 'jp-asksage-unseen';
    this.region.lang = 'en';
    this.region.setAttribute('aria-live', 'polite');
    document.body.append(this.region);
  }

  /** Emit the notifications that are due, each once a month, and take away those that are no longer true. */
  warn({ state, meters }: Balance): void {
    if (state !== 'known') {
      return; // nothing is known that could make one of them untrue
    }
    // At most one a meter, known by its gravest cause.
    const warnings = new Map(
      meters.flatMap(({ warning }) => (warning?.keys[0] ? [[warning.keys[0], warning]] : []))
    );
    for (const [key, standing] of this.standing) {
      const warning = warnings.get(key);
      if (warning) {
        standing.update(warning.words);
      } else {
        standing.dismiss();
        this.standing.delete(key);
      }
    }
    const told = this.told.keys;
    for (const [key, { keys, words }] of warnings) {
      if (!told.has(key)) {
        this.told.add(keys);
        this.standing.set(key, this.notify(words));
      }
    }
  }

  /** Say that a meter has come to another step; nothing is said of where it stood at first. */
  say({ meters }: Balance): void {
    for (const { meter, title, level, step, left } of meters) {
      const before = this.levels.get(meter);
      this.levels.set(meter, level);
      if (before !== undefined && before !== level && step) {
        this.region.textContent = `Ask Sage, ${title}: ${step}, ${left}`;
      }
    }
  }

  get isDisposed(): boolean {
    return !this.region.isConnected;
  }

  dispose(): void {
    this.region.remove();
  }

  private readonly region = document.createElement('div');
  private readonly standing = new Map<string, IStanding>();
  private readonly levels = new Map<string, string>();
}

/** The causes told of, kept across reloads; the oldest are forgotten. */
export class Told {
  constructor(private readonly storage: Pick<Storage, 'getItem' | 'setItem'>) {}

  get keys(): ReadonlySet<string> {
    try {
      const kept: unknown = JSON.parse(this.storage.getItem(Told.KEY) ?? '[]');
      return new Set(Array.isArray(kept) ? kept : []);
    } catch {
      return new Set(); // not ours, or storage is off: telling twice is the lesser evil
    }
  }

  add(added: readonly string[]): void {
    const kept = [...this.keys].filter(key => !added.includes(key)).slice(-Told.MOST);
    try {
      this.storage.setItem(Told.KEY, JSON.stringify([...kept, ...added]));
    } catch {
      // Storage is off or full.
    }
  }

  private static readonly KEY = '@asksage/jupyter:told';
  private static readonly MOST = 50;
}
