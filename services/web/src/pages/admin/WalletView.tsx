import { IconWallet } from "@tabler/icons-react";
import type { ReactNode } from "react";
import type { Grant, LedgerEntry, Wallet } from "../../api/types.ts";
import { formatMoney, formatNumber } from "../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { MoneyAmount } from "../../ui/Amount.tsx";
import { type Column, DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { Tag } from "../../ui/Note.tsx";
import { Panel } from "../../ui/Page.tsx";
import { DateTime } from "../../ui/Time.tsx";
import classes from "../operator/operator.module.css";

/** What is free to use and what calls hold; how the wallet is kept. */
export function Balances({ wallet, actions }: { wallet: Wallet; actions?: ReactNode }) {
  const t = useText();
  const language = useLanguage();
  const money = (amount: string) => formatMoney(amount, wallet.currency ?? "", language);
  return (
    <Panel label={t("wallet.balance")} testId="wallet-balances">
      <div className={classes.balances}>
        <div>
          <div className={classes.small}>{t("wallet.balance")}</div>
          <div className={classes.balance} data-testid="wallet-balance">
            <MoneyAmount money={wallet.balance} />
          </div>
        </div>
        <div>
          <div className={classes.small}>{t("wallet.reserved")}</div>
          <div className={classes.balance}>
            <MoneyAmount money={wallet.reserved} />
          </div>
        </div>
      </div>
      <div className={classes.counts} style={{ marginBlock: 10 }}>
        <Tag tone={wallet.prepaid ? "info" : "neutral"}>
          {t(wallet.prepaid ? "wallet.prepaid" : "wallet.postpaid")}
        </Tag>
        {wallet.negativeAllowed && (
          <Tag>
            {wallet.creditLimit
              ? t("wallet.credit", { amount: money(wallet.creditLimit) })
              : t("wallet.unlimited")}
          </Tag>
        )}
        {(wallet.lowBalances ?? []).map((each) => (
          <Tag key={each}>{t("wallet.noticeBelow", { amount: money(each) })}</Tag>
        ))}
      </div>
      {actions}
    </Panel>
  );
}

export function Grants({ wallet, last }: { wallet: Wallet; last?: (grant: Grant) => ReactNode }) {
  const t = useText();
  const language = useLanguage();
  const grants = wallet.grants ?? [];
  const columns: Column<Grant>[] = [
    { head: t("wallet.source"), cell: (grant) => textOr("wallet.source", grant.source ?? "") },
    { head: t("wallet.left"), cell: (grant) => <MoneyAmount money={grant.left} /> },
    { head: t("wallet.given"), cell: (grant) => <MoneyAmount money={grant.amount} /> },
    {
      head: t("wallet.priority"),
      cell: (grant) => <span className="m-figures">{formatNumber(grant.priority ?? 0, language)}</span>,
    },
    {
      head: t("wallet.expires"),
      cell: (grant) => (grant.expireTime ? <DateTime value={grant.expireTime} /> : t("wallet.never")),
    },
  ];
  if (last) columns.push({ head: t("common.actions"), quiet: true, cell: last });
  return (
    <Panel flush label={t("wallet.grants")}>
      <h2 className={classes.panelTitle}>{t("wallet.grants")}</h2>
      {grants.length === 0 ? (
        <p className={classes.panelText}>{t("wallet.noGrants")}</p>
      ) : (
        <DataTable
          label={t("wallet.grants")}
          rows={grants}
          keyOf={(grant) => grant.grantId ?? ""}
          columns={columns}
        />
      )}
    </Panel>
  );
}

interface LedgerProps {
  queryKey: readonly string[];
  read: (pageToken: string) => Promise<{ rows: readonly LedgerEntry[]; next: string }>;
}

/** Every movement of money, newest first. */
export function LedgerList({ queryKey, read }: LedgerProps) {
  const t = useText();
  const { query, rows } = usePages<LedgerEntry>(queryKey, read);
  return (
    <section aria-label={t("wallet.ledger")}>
      <h2 className={classes.title}>{t("wallet.ledger")}</h2>
      <p className={classes.lead}>{t("wallet.ledgerLead")}</p>
      <PagedPanel
        query={query}
        rows={rows}
        empty={
          <EmptyState icon={IconWallet} title={t("wallet.noEntries")}>
            {t("wallet.noEntriesBody")}
          </EmptyState>
        }
      >
        {(shown) => (
          <DataTable
            label={t("wallet.ledger")}
            rows={shown}
            keyOf={(entry) => entry.entryId ?? ""}
            columns={[
              { head: t("wallet.time"), cell: (entry) => <DateTime value={entry.entryTime} /> },
              { head: t("wallet.what"), cell: (entry) => textOr("wallet.kind", entry.kind ?? "") },
              { head: t("wallet.change"), cell: (entry) => <MoneyAmount money={entry.change} /> },
              {
                head: t("wallet.for"),
                cell: (entry) => (
                  <>
                    {entry.callId && <span className="m-ltr">{entry.callId}</span>}
                    {entry.note && <bdi>{entry.note}</bdi>}
                    {!entry.callId && !entry.note && "–"}
                  </>
                ),
              },
              { head: t("wallet.postings"), cell: (entry) => <Postings entry={entry} /> },
            ]}
          />
        )}
      </PagedPanel>
    </section>
  );
}

function Postings({ entry }: { entry: LedgerEntry }) {
  const language = useLanguage();
  return (
    <div className={classes.small}>
      {(entry.postings ?? []).map((posting) => (
        <div key={posting.account}>
          {textOr("wallet.account", (posting.account ?? "").split(":")[0] ?? "")}{" "}
          <bdi className="m-figures">{formatNumber(posting.amount ?? "0", language)}</bdi>
        </div>
      ))}
    </div>
  );
}
