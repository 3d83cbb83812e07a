import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import { asProblem } from "../../api/problem.ts";
import type { Wallet } from "../../api/types.ts";
import { latinDigits } from "../../format/numbers.ts";
import { useText } from "../../i18n/index.ts";
import { mayEnter } from "../../session/roles.ts";
import { useSession } from "../../session/session.ts";
import { toast } from "../../ui/announce.tsx";
import { FormModal } from "../../ui/FormModal.tsx";
import { TextField } from "../../ui/fields.tsx";
import { useRefresh } from "../../ui/ListPage.tsx";
import classes from "../operator/operator.module.css";
import { useRefreshOn } from "../watch/useRefreshOn.ts";
import { Balances, Grants, LedgerList } from "./WalletView.tsx";

/** The company's own wallet, where it has one. */
export function WalletPanel() {
  const t = useText();
  const session = useSession();
  const role = session.status === "signedIn" ? session.user.role : undefined;
  const refresh = useRefresh("wallet", "ledger");
  const [setting, setSetting] = useState(false);
  const { data, error } = useQuery({
    queryKey: ["wallet"],
    queryFn: () => ask(api.GET("/v1/wallet")),
    retry: (count, failure) => asProblem(failure).status !== 404 && count < 2,
  });
  useRefreshOn(["wallet"], "WalletToppedUp");
  if (error || !data) return null;
  return (
    <section aria-label={t("wallet.title")} className={classes.stack} data-testid="own-wallet">
      <h2 className={classes.title}>{t("wallet.title")}</h2>
      <Balances
        wallet={data}
        actions={
          mayEnter(role, "billing") && (
            <Button variant="default" size="sm" onClick={() => setSetting(true)} data-testid="wallet-notices">
              {t("wallet.setNotices")}
            </Button>
          )
        }
      />
      <Grants wallet={data} />
      <LedgerList
        queryKey={["ledger"]}
        read={async (pageToken) => {
          const answer = await ask(api.GET("/v1/wallet/ledgerEntries", { params: { query: { pageToken } } }));
          return { rows: answer.entries ?? [], next: answer.nextPageToken ?? "" };
        }}
      />
      {setting && <NoticesForm wallet={data} onClose={() => setSetting(false)} onDone={refresh} />}
    </section>
  );
}

function NoticesForm(props: { wallet: Wallet; onClose: () => void; onDone: () => Promise<void> }) {
  const t = useText();
  const [text, setText] = useState((props.wallet.lowBalances ?? []).join(" "));
  const save = async () => {
    const lowBalances = decimals(text);
    await ask(
      api.POST("/v1/wallet:setLowBalances", { body: { lowBalances, version: props.wallet.version } }),
    );
    await props.onDone();
    toast(t("wallet.saved"));
  };
  return (
    <FormModal title={t("wallet.setNotices")} onClose={props.onClose} onSave={save} testId="notices">
      <TextField
        label={t("wallet.lowBalances")}
        description={t("wallet.lowBalancesHint")}
        dir="ltr"
        value={text}
        data-autofocus
        onChange={(event) => setText(event.currentTarget.value)}
        data-testid="notices-text"
      />
    </FormModal>
  );
}

/** Amounts with spaces between them. */
export function decimals(text: string): string[] {
  return latinDigits(text)
    .replaceAll("٫", ".")
    .split(/[\s;]+/)
    .filter(Boolean);
}
