/** What is known about the account at this moment, and how it is kept up to date. */
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import { Coalesced } from './coalesced';
import { type Balance, type Footing, type IDesk, type Month, type Spend, WireError } from './wire';

/** After this long without a hint the figures are read all the same: hints may be lost. */
export const POLL_MS = 60_000;
const FIRST_PAUSE_MS = 1_000;

/** The last attempt to read the balance that failed. */
export interface ITrouble {
  readonly kind: WireError['kind'];
  readonly message: string;
}

export interface IState {
  /** The last balance that was read; null before the first. */
  readonly balance: Balance | null;
  /** Why `balance` is not up to date; null when it is. */
  readonly trouble: ITrouble | null;
  readonly month: Month | null;
  /** The open notebook, relative to the server's root. */
  readonly notebook: string | null;
  readonly spend: Spend | null;
  /** Why `month` and `spend` are not up to date; null when they are. */
  readonly detailTrouble: string | null;
  /** Whether a comparison with the service is under way, and what the last one said. */
  readonly refreshing: boolean;
  readonly note: string | null;
}

/** Before the first answer. */
export const NOTHING: IState = {
  balance: null,
  trouble: null,
  month: null,
  notebook: null,
  spend: null,
  detailTrouble: null,
  refreshing: false,
  note: null
};

/** What is left or used; when that was, where it may not be so any more. */
export function statusLine({ balance, trouble }: IState, shows: 'remaining' | 'used'): string {
  if (!balance) {
    return trouble ? 'Ask Sage: not available' : 'Ask Sage';
  }
  const words = balance.status[shows];
  return trouble && balance.meters.length > 0 ? `${words} at ${balance.at}` : words;
}

/** The browser's page: while it is hidden nothing is asked. */
export type Page = Pick<Document, 'hidden' | 'addEventListener' | 'removeEventListener'>;

export class MeterModel implements IDisposable {
  constructor(
    private readonly desk: IDesk,
    private readonly page: Page = document,
    /** How the open notebook's kernel stands. */
    private readonly footing: () => Footing | null = () => null
  ) {
    page.addEventListener('visibilitychange', this.onVisibility);
  }

  /** Emitted after each change of `state`. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): IState {
    return this._state;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    clearTimeout(this.timer);
    this.page.removeEventListener('visibilitychange', this.onVisibility);
    Signal.clearData(this);
  }

  /** Read the balance now, and the details if somebody looks at them; later, if the page is hidden. */
  async read(): Promise<void> {
    if (this._isDisposed || this.page.hidden) {
      return;
    }
    await this.balanceReader.run();
    await this.readDetails();
  }

  /** Compare with the service, then read everything anew; what was found is the state's `note`. */
  async refresh(): Promise<void> {
    if (this._state.refreshing) {
      return;
    }
    this.set({ refreshing: true, note: null });
    // What it found is told even if its figures are older by now: a booking is itself a reason to read anew.
    const compared = await this.take(() => this.desk.refresh());
    this.set({ refreshing: false, note: compared?.note ?? null });
    await this.readDetails();
  }

  /** Ask an endpoint to end; a hint tells when it has. */
  async stop(endpoint: string): Promise<void> {
    try {
      await this.desk.stop(endpoint);
    } catch (error) {
      this.set({ note: `The endpoint was not stopped: ${troubleOf(error).message}` });
    }
  }

  /** Tell whether the details are in sight; those that nobody sees are not asked for. */
  setDetailed(detailed: boolean): void {
    this.detailed = detailed;
    if (detailed) {
      void this.read();
    }
  }

  /** Tell which notebook is open. */
  setNotebook(notebook: string | null): void {
    if (notebook === this._state.notebook) {
      return;
    }
    this.set({ notebook, spend: null });
    void this.readDetails();
  }

  /** Look how the open notebook's kernel stands; its details are read again where that changed. */
  async follow(): Promise<void> {
    if (this.detailed && JSON.stringify(this.footing()) !== JSON.stringify(this.told)) {
      await this.readDetails();
    }
  }

  /** Take a balance, unless one that was asked for later has come before it; null where none came. */
  private async take(ask: () => Promise<Balance>): Promise<Balance | null> {
    const turn = ++this.asked;
    const wasWell = this._state.trouble === null;
    let balance: Balance | null = null;
    try {
      balance = await ask();
      if (turn > this.taken) {
        this.taken = turn;
        this.set({ balance, trouble: null });
      }
    } catch (error) {
      this.set({ trouble: troubleOf(error) });
    }
    if (wasWell !== (this._state.trouble === null)) {
      this.pause = FIRST_PAUSE_MS;
    }
    this.schedule();
    return balance;
  }

  /** Read the details if somebody looks at them and there are any. */
  private async readDetails(): Promise<void> {
    const { balance, trouble } = this._state;
    if (this.detailed && !this.page.hidden && !trouble && balance?.meters.length) {
      await this.detailReader.run();
    }
  }

  private async takeDetails(): Promise<void> {
    const { notebook } = this._state;
    this.told = notebook === null ? null : this.footing();
    try {
      const [month, spend] = await Promise.all([
        this.desk.month(),
        notebook === null ? null : this.desk.spend(notebook, this.told)
      ]);
      // Another notebook may have been opened meanwhile; its figures are on their way.
      this.set({ month, detailTrouble: null, ...(notebook === this._state.notebook && { spend }) });
    } catch (error) {
      this.set({ detailTrouble: troubleOf(error).message });
    }
  }

  /**
   * Look again later: soon after the server went away, ever less often while it is; the same when it
   * came back, for the hints may take longer.
   */
  private schedule(): void {
    clearTimeout(this.timer);
    if (this._isDisposed || this._state.trouble?.kind === 'missing') {
      return; // an extension does not appear without a restart; the person may try again
    }
    this.timer = setTimeout(() => void this.read(), this.pause);
    this.pause = Math.min(2 * this.pause, POLL_MS);
  }

  private set(change: Partial<IState>): void {
    if (!this._isDisposed) {
      this._state = { ...this._state, ...change };
      this._changed.emit();
    }
  }

  private readonly onVisibility = () => void this.read();
  private readonly balanceReader = new Coalesced(async () => {
    await this.take(() => this.desk.balance());
  });
  private readonly detailReader = new Coalesced(() => this.takeDetails());
  private readonly _changed = new Signal<this, void>(this);
  private _state = NOTHING;
  private _isDisposed = false;
  private detailed = false;
  /** How the kernel stood when the details were read. */
  private told: Footing | null = null;
  private asked = 0;
  private taken = 0;
  private pause = POLL_MS;
  private timer: ReturnType<typeof setTimeout> | undefined;
}

function troubleOf(error: unknown): ITrouble {
  const { message } = error as Error;
  return { kind: error instanceof WireError ? error.kind : 'refused', message };
}
