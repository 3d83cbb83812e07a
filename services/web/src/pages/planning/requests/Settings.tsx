import { Button, NumberInput, Switch } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import type { SelfServiceSettings } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import classes from "../../mine/mine.module.css";

/** What managers decide once. */
export function Settings({ mayChange }: { mayChange: boolean }) {
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["requests", "settings"],
    queryFn: () => ask(api.GET("/v1/wfm/selfServiceSettings")),
  });
  if (isPending) return <Loading />;
  if (!data) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  return <Fields key={data.version ?? "0"} settings={data} mayChange={mayChange} />;
}

function Fields({ settings, mayChange }: { settings: SelfServiceSettings; mayChange: boolean }) {
  const t = useText();
  const refresh = useRefresh("requests", "mine");
  const [value, setValue] = useState(settings);
  const [problem, setProblem] = useState<unknown>();
  const set = (change: Partial<SelfServiceSettings>) => setValue((before) => ({ ...before, ...change }));
  const save = async () => {
    try {
      await ask(api.PUT("/v1/wfm/selfServiceSettings", { body: { settings: value } }));
      setProblem(undefined);
      toast(t("requests.saved"));
      await refresh();
    } catch (error) {
      setProblem(error);
    }
  };
  return (
    <Panel label={t("requests.tab.rules")}>
      <div className={classes.stack} style={{ maxInlineSize: 520 }}>
        <Switch
          label={t("requests.automaticTrades")}
          description={t("requests.automaticTradesHint")}
          checked={value.automaticTrades ?? false}
          disabled={!mayChange}
          onChange={(event) => set({ automaticTrades: event.currentTarget.checked })}
          data-testid="automatic-trades"
        />
        <NumberInput
          label={t("requests.tradeNotice")}
          min={0}
          max={720}
          disabled={!mayChange}
          value={value.tradeNoticeHours ?? 0}
          onChange={(next) => set({ tradeNoticeHours: Number(next) || 0 })}
        />
        <NumberInput
          label={t("requests.availabilityNotice")}
          min={0}
          max={120}
          disabled={!mayChange}
          value={value.availabilityNoticeDays ?? 0}
          onChange={(next) => set({ availabilityNoticeDays: Number(next) || 0 })}
        />
        <ProblemNote problem={problem} />
        {mayChange && (
          <div>
            <Button onClick={() => void save()} data-testid="settings-save">
              {t("common.save")}
            </Button>
          </div>
        )}
      </div>
    </Panel>
  );
}
