import { Button, Group } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, ask } from "../../../api/client.ts";
import type { ShiftOffer } from "../../../api/types.ts";
import { formatDate, formatTime } from "../../../format/dates.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { socket } from "../../../socket/live.ts";
import { Note } from "../../../ui/Note.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { MINE, useWeeks } from "../../mine/useMine.ts";
import { ZoneSaid } from "../../mine/ZoneSaid.tsx";
import { dayOf } from "../days.ts";
import { kindOf } from "./kinds.ts";

const KEY = ["myShiftOffers"];
const FACTS = ["ShiftOfferMade", "ShiftOfferChanged", "ShiftAdjusted"];

/** Overtime and time off the agent is offered, above every page until it is answered. */
export default function MyOffers() {
  const t = useText();
  const queries = useQueryClient();
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState("");
  const { data } = useQuery({
    queryKey: KEY,
    queryFn: async () => (await ask(api.GET("/v1/me/shiftOffers"))).shiftOffers ?? [],
  });
  useEffect(
    () =>
      socket.onFact((event) => {
        if (FACTS.includes(event.fact)) void queries.invalidateQueries({ queryKey: KEY });
      }),
    [queries],
  );
  const answer = async (offer: ShiftOffer, yes: boolean) => {
    const params = { path: { shiftOfferId: offer.shiftOfferId ?? "" } };
    setBusy(params.path.shiftOfferId);
    setProblem(undefined);
    try {
      await (yes
        ? ask(api.POST("/v1/me/shiftOffers/{shiftOfferId}:accept", { params, body: {} }))
        : ask(api.POST("/v1/me/shiftOffers/{shiftOfferId}:decline", { params, body: {} })));
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy("");
      await Promise.all([KEY, [MINE]].map((queryKey) => queries.invalidateQueries({ queryKey })));
    }
  };
  const open = (data ?? []).filter(
    (each) =>
      each.state === "SHIFT_OFFER_STATE_OPEN" &&
      each.replies?.[0]?.state === "SHIFT_OFFER_REPLY_STATE_PENDING",
  );
  return (
    <>
      <ProblemNote problem={problem} />
      {open.slice(0, 3).map((each) => (
        <Note
          key={each.shiftOfferId}
          tone="info"
          live
          title={<Asks offer={each} />}
          testId={`my-offer-${each.shiftOfferId}`}
        >
          {each.note && <bdi>{each.note}</bdi>}
          <Group gap="xs" mt={6}>
            <Button
              size="xs"
              loading={busy === each.shiftOfferId}
              onClick={() => void answer(each, true)}
              data-testid="my-offer-accept"
            >
              {t("changes.accept")}
            </Button>
            <Button
              size="xs"
              variant="default"
              disabled={busy !== ""}
              onClick={() => void answer(each, false)}
              data-testid="my-offer-decline"
            >
              {t("changes.decline")}
            </Button>
          </Group>
        </Note>
      ))}
    </>
  );
}

/** What is asked, in the days and times of "My schedule", whatever the clock of the browser: of the agent's site or the company. */
function Asks({ offer }: { offer: ShiftOffer }) {
  const language = useLanguage();
  const zone = useWeeks(dayOf(offer.startTime ?? "", "UTC"), 1).data?.timeZone;
  if (!zone) return null;
  return (
    <>
      {textOr("offerAsks", kindOf(offer.kind), {
        day: formatDate(offer.startTime, language, zone),
        from: formatTime(offer.startTime, language, zone),
        until: formatTime(offer.endTime, language, zone),
      })}{" "}
      <ZoneSaid zone={zone} />
    </>
  );
}
