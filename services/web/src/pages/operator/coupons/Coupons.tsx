import { Button, Group } from "@mantine/core";
import { IconTicket } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import type { Coupon } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { serverNow } from "../../../socket/live.ts";
import { toast } from "../../../ui/announce.tsx";
import { Confirm } from "../../../ui/Confirm.tsx";
import { ListPage, useRefresh } from "../../../ui/ListPage.tsx";
import { Tag } from "../../../ui/Note.tsx";
import { DateTime } from "../../../ui/Time.tsx";
import classes from "../operator.module.css";
import { CouponForm } from "./CouponForm.tsx";
import { GiveCoupon } from "./GiveCoupon.tsx";
import { howLong, partName, takesOff } from "./says.ts";

/** What operators take off invoices: the coupons there are, how often each was taken, new ones, giving and ending them. */
export default function Coupons() {
  const t = useText();
  const language = useLanguage();
  const refresh = useRefresh("coupons", "audit");
  const [adding, setAdding] = useState(false);
  const [giving, setGiving] = useState<Coupon>();
  const [ending, setEnding] = useState<Coupon>();
  const end = async () => {
    const params = { path: { couponId: ending?.couponId ?? "" } };
    const body = { version: ending?.version ?? "0" };
    // Whoever redeems it meanwhile changes it: what is shown next is what there is.
    await ask(api.POST("/v1/operator/coupons/{couponId}:archive", { params, body })).finally(refresh);
    toast(t("coupons.ended", { code: ending?.code ?? "" }));
  };
  return (
    <>
      <ListPage<Coupon>
        noun="coupon"
        title={t("coupons.title")}
        lead={t("coupons.lead")}
        queryKey={["coupons"]}
        read={async (pageToken) => {
          const answer = await ask(api.GET("/v1/operator/coupons", { params: { query: { pageToken } } }));
          return { rows: answer.coupons ?? [], next: answer.nextPageToken ?? "" };
        }}
        icon={IconTicket}
        emptyTitle={t("coupons.none")}
        emptyBody={t("coupons.noneBody")}
        idOf={(row) => row.code}
        nameOf={(row) => row.code}
        add={{ label: t("coupons.add"), onClick: () => setAdding(true) }}
        columns={[
          {
            head: t("coupons.code"),
            cell: (row) => (
              <>
                <span className="m-ltr">{row.code}</span> <Standing coupon={row} />
                <div className={classes.small}>
                  <bdi>{row.name}</bdi>
                </div>
              </>
            ),
          },
          {
            head: t("coupons.takesOff"),
            cell: (row) => (
              <>
                <bdi className="m-figures">{takesOff(row, language)}</bdi>
                <div className={classes.small}>
                  {row.rates?.length
                    ? row.rates.map((each) => partName(each, t)).join(" · ")
                    : t("coupons.everything")}
                </div>
              </>
            ),
          },
          { head: t("coupons.howLong"), cell: (row) => howLong(row, language, t) },
          {
            head: t("coupons.taken"),
            cell: (row) => {
              const count = formatNumber(row.redemptionCount ?? 0, language);
              const most = row.maxRedemptions ?? 0;
              return (
                <span className="m-figures">
                  {most ? t("coupons.takenOf", { count, most: formatNumber(most, language) }) : count}
                </span>
              );
            },
          },
          {
            head: t("coupons.redeemUntil"),
            cell: (row) => (row.redeemUntilTime ? <DateTime value={row.redeemUntilTime} /> : "–"),
          },
          {
            head: t("common.actions"),
            quiet: true,
            cell: (row) => (
              <Group gap={6} justify="flex-end">
                {standingOf(row) === undefined && (
                  <Verb row={row} verb="give" label={t("coupons.give")} onClick={() => setGiving(row)} />
                )}
                {!row.archived && (
                  <Verb row={row} verb="end" label={t("coupons.end")} onClick={() => setEnding(row)} />
                )}
              </Group>
            ),
          },
        ]}
      />
      {adding && <CouponForm onClose={() => setAdding(false)} onDone={refresh} />}
      {giving && <GiveCoupon coupon={giving} onClose={() => setGiving(undefined)} onDone={refresh} />}
      <Confirm
        opened={ending !== undefined}
        title={t("coupons.endTitle", { code: ending?.code ?? "" })}
        body={t("coupons.endBody")}
        confirm={t("coupons.end")}
        onClose={() => setEnding(undefined)}
        onConfirm={end}
      />
    </>
  );
}

interface VerbProps {
  row: Coupon;
  verb: string;
  label: string;
  onClick: () => void;
}

function Verb({ row, verb, label, onClick }: VerbProps) {
  return (
    <Button
      size="compact-sm"
      variant="default"
      onClick={onClick}
      aria-label={`${label}: ${row.code}`}
      data-testid={`coupon-${row.code}-${verb}`}
    >
      {label}
    </Button>
  );
}

/** Why nobody can redeem it any more; undefined while somebody can. */
function standingOf(coupon: Coupon): "archived" | "late" | "spent" | undefined {
  if (coupon.archived) return "archived";
  if (coupon.redeemUntilTime && Date.parse(coupon.redeemUntilTime) <= serverNow()) return "late";
  const most = coupon.maxRedemptions ?? 0;
  return most > 0 && (coupon.redemptionCount ?? 0) >= most ? "spent" : undefined;
}

function Standing({ coupon }: { coupon: Coupon }) {
  const t = useText();
  const standing = standingOf(coupon);
  return standing && <Tag tone="warn">{t(`coupons.standing.${standing}`)}</Tag>;
}
