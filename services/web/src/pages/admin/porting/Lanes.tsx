import type { PortOrder } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { Tag } from "../../../ui/Note.tsx";
import { DateTime } from "../../../ui/Time.tsx";
import classes from "./porting.module.css";
import { channelName, stateName, toneOf } from "./states.ts";

/** Calls and text messages, each with its own state and its own dates. */
export function Lanes({ order }: { order: PortOrder }) {
  const t = useText();
  return (
    <div className={classes.lanes}>
      {(order.lanes ?? []).map((lane) => (
        <section
          key={lane.channel}
          className={classes.lane}
          aria-label={channelName(lane)}
          data-testid={`port-lane-${lane.channel}`}
        >
          <div className={classes.laneHead}>
            <h2>{channelName(lane)}</h2>
            <Tag tone={toneOf(lane.state)} dot>
              {stateName(lane.state)}
            </Tag>
          </div>
          <dl className={classes.facts}>
            <dt>{t("porting.since")}</dt>
            <dd>
              <DateTime value={lane.stateTime} />
            </dd>
            {lane.focTime && (
              <>
                <dt>{t("porting.foc")}</dt>
                <dd>
                  <DateTime value={lane.focTime} />
                </dd>
              </>
            )}
            {lane.portTime && (
              <>
                <dt>{t("porting.portTime")}</dt>
                <dd>
                  <DateTime value={lane.portTime} />
                </dd>
              </>
            )}
            {lane.state === "PORT_STATE_IN_PROCESS" && order.noReturnTime && (
              <>
                <dt>{t("porting.noReturn")}</dt>
                <dd>
                  <DateTime value={order.noReturnTime} />
                </dd>
              </>
            )}
          </dl>
        </section>
      ))}
    </div>
  );
}
