// @ts-check
/** The chart of `machines/chat.machine.ts` as data. Written by `npm run generate`, and held against the chart by a test. */

export const chatTable = {
  "initial": "connecting",
  "states": {
    "connecting": {
      "entry": [
        "openSocket"
      ],
      "on": {
        "socket.closed": [
          {
            "target": "away"
          }
        ],
        "say": [
          {
            "actions": [
              "keep"
            ]
          }
        ],
        "socket.opened": [
          {
            "target": "catchingUp"
          }
        ],
        "socket.refused": [
          {
            "target": "refused"
          }
        ]
      },
      "after": {
        "connectTimeout": [
          {
            "target": "away"
          }
        ]
      },
      "isFinal": false
    },
    "catchingUp": {
      "entry": [
        "sendHello"
      ],
      "on": {
        "socket.closed": [
          {
            "target": "away"
          }
        ],
        "frame.line": [
          {
            "actions": [
              "showLine"
            ]
          }
        ],
        "frame.draft": [
          {
            "actions": [
              "showDraft"
            ]
          }
        ],
        "frame.typing": [
          {
            "actions": [
              "showDraft"
            ]
          }
        ],
        "say": [
          {
            "actions": [
              "keep"
            ]
          }
        ],
        "frame.welcome": [
          {
            "actions": [
              "keepSession"
            ]
          }
        ],
        "frame.live": [
          {
            "guard": "hasLines",
            "target": "live.sending"
          },
          {
            "target": "live.quiet"
          }
        ]
      },
      "after": {
        "catchUpTimeout": [
          {
            "target": "away"
          }
        ]
      },
      "isFinal": false
    },
    "live.quiet": {
      "entry": [],
      "on": {
        "say": [
          {
            "target": "live.sending",
            "actions": [
              "keep"
            ]
          },
          {
            "actions": [
              "keep"
            ]
          }
        ],
        "socket.closed": [
          {
            "target": "away"
          }
        ],
        "frame.line": [
          {
            "actions": [
              "showLine"
            ]
          }
        ],
        "frame.draft": [
          {
            "actions": [
              "showDraft"
            ]
          }
        ],
        "frame.typing": [
          {
            "actions": [
              "showDraft"
            ]
          }
        ]
      },
      "after": {
        "quietInterval": [
          {
            "target": "live.probing"
          }
        ]
      },
      "isFinal": false
    },
    "live.probing": {
      "entry": [
        "sendPing"
      ],
      "on": {
        "frame.pong": [
          {
            "target": "live.quiet"
          }
        ],
        "say": [
          {
            "target": "live.sending",
            "actions": [
              "keep"
            ]
          },
          {
            "actions": [
              "keep"
            ]
          }
        ],
        "socket.closed": [
          {
            "target": "away"
          }
        ],
        "frame.line": [
          {
            "actions": [
              "showLine"
            ]
          }
        ],
        "frame.draft": [
          {
            "actions": [
              "showDraft"
            ]
          }
        ],
        "frame.typing": [
          {
            "actions": [
              "showDraft"
            ]
          }
        ]
      },
      "after": {
        "answerTimeout": [
          {
            "target": "away"
          }
        ]
      },
      "isFinal": false
    },
    "live.sending": {
      "entry": [
        "sendOldest"
      ],
      "on": {
        "frame.settled": [
          {
            "guard": "isOldestOfMany",
            "target": "live.sending",
            "actions": [
              "settleOldest"
            ]
          },
          {
            "guard": "isOldest",
            "target": "live.quiet",
            "actions": [
              "settleOldest"
            ]
          }
        ],
        "frame.gap": [
          {
            "guard": "isOfPage",
            "target": "live.sending",
            "actions": [
              "renumber"
            ]
          }
        ],
        "frame.busy": [
          {
            "guard": "isOldest",
            "target": "live.resting",
            "actions": [
              "noteBusy"
            ]
          }
        ],
        "socket.closed": [
          {
            "target": "away"
          }
        ],
        "frame.line": [
          {
            "actions": [
              "showLine"
            ]
          }
        ],
        "frame.draft": [
          {
            "actions": [
              "showDraft"
            ]
          }
        ],
        "frame.typing": [
          {
            "actions": [
              "showDraft"
            ]
          }
        ],
        "say": [
          {
            "actions": [
              "keep"
            ]
          }
        ]
      },
      "after": {
        "answerTimeout": [
          {
            "target": "away"
          }
        ]
      },
      "isFinal": false
    },
    "live.resting": {
      "entry": [],
      "on": {
        "socket.closed": [
          {
            "target": "away"
          }
        ],
        "frame.line": [
          {
            "actions": [
              "showLine"
            ]
          }
        ],
        "frame.draft": [
          {
            "actions": [
              "showDraft"
            ]
          }
        ],
        "frame.typing": [
          {
            "actions": [
              "showDraft"
            ]
          }
        ],
        "say": [
          {
            "actions": [
              "keep"
            ]
          }
        ]
      },
      "after": {
        "busyDelay": [
          {
            "target": "live.sending"
          }
        ]
      },
      "isFinal": false
    },
    "away": {
      "entry": [
        "dropSocket"
      ],
      "on": {
        "say": [
          {
            "actions": [
              "keep"
            ]
          }
        ]
      },
      "after": {
        "retryDelay": [
          {
            "target": "connecting"
          }
        ]
      },
      "isFinal": false
    },
    "refused": {
      "entry": [
        "dropSocket"
      ],
      "on": {},
      "after": {},
      "isFinal": true
    }
  }
};
