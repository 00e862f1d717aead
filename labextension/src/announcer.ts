/** Warnings and, for those who do not see the colours, the step that a meter has come to. */
import type { IDisposable } from '@lumino/disposable';

import type { Format } from './format';
import { type Level, levelOf, limitOf } from './level';
import { type Told, warningsOf, warningWords } from './notify';
import type { Balance, Meter } from './wire';

/** A warning on the screen; the person may have taken it away already. */
export interface IStanding {
  update(words: string): void;
  dismiss(): void;
}

export class Announcer implements IDisposable {
  /** @param notify Shows a warning that stays until it is read. */
  constructor(
    private readonly format: Format,
    private readonly told: Told,
    private readonly notify: (words: string) => IStanding
  ) {
    this.region.className = 'jp-asksage-unseen';
    this.region.setAttribute('aria-live', 'polite');
    document.body.append(this.region);
  }

  /** Emit the notifications that are due, each once a month, and take away those that are no longer true. */
  warn(balance: Balance): void {
    if (balance.state !== 'known') {
      return; // nothing is known that could make one of them untrue
    }
    const warnings = warningsOf(balance);
    for (const [key, standing] of this.standing) {
      const warning = warnings.get(key);
      if (warning) {
        standing.update(warningWords(this.format, balance, warning));
      } else {
        standing.dismiss();
        this.standing.delete(key);
      }
    }
    const told = this.told.keys;
    for (const [key, warning] of warnings) {
      if (!told.has(key)) {
        this.told.add(balance, warning);
        this.standing.set(key, this.notify(warningWords(this.format, balance, warning)));
      }
    }
  }

  /** Say that a meter has come to another step; nothing is said of where it stood at first. */
  say(balance: Balance): void {
    for (const meter of balance.meters) {
      const level = levelOf(limitOf(meter));
      const before = this.levels.get(meter.meter);
      this.levels.set(meter.meter, level);
      if (before !== undefined && before !== level && this.format.level(level)) {
        const words = `${this.format.level(level)}, ${this.format.spendable(meter)}`;
        this.region.textContent = `Ask Sage, ${this.format.meterName(meter.meter)}: ${words}`;
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
  private readonly levels = new Map<Meter['meter'], Level>();
}
