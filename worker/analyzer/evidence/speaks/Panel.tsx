// Code as one meets it, written from the rules' titles alone: `precision.py speaks` says which rules notice.
import React, { useEffect, useState } from "react";

export function Panel({ id }: { id: string }) {
  const [order, setOrder] = useState<Order | null>(null);
  useEffect(() => { // EC-JS-117
    fetch(`/api/orders/${id}`).then((answer) => answer.json()).then(setOrder);
  });
  return (
    <div>
      <video src="/intro.mp4" autoPlay /> {/* EC-JS-036 */}
      <audio src="/jingle.mp3" preload="auto" /> {/* EC-JS-030 */}
      {order?.id}
    </div>
  );
}
