"""Workspaces that come with dqmstream, and where others are found.

A workspace is a `Booking`, made by `dqmstream.booking.Workspace`, that an entry point of the group
`dqmstream.workspaces` names, or a TOML file (see `dqmstream.workspaces.toml`). Shipped are, for the
synthetic detector, those of its subsystems, `dt`, `csc` and `rpc` with more of the chambers in
`muon`, and `pixel_comparison` of the two pixel readout chains; `dqm_stream` for CMS streamer files;
those for the contents of their events, `tracking`, `vertex`, `beam_spot`, `fed`, `event_info`,
`dcs_luminosity`, `ctpps_status` and `scouting*`; and those for event files, `nano_*`, `dimuon` and
`bril_lumi*`.

Of the contents of events, axes are those of CMS's own monitoring where it has the plot. A number
of objects is on an axis of integers, or on one with edges at halves: in 100 equal bins of [0, 100)
the number 29 lies in bin 28, as 0.29 * 100 is below 29.

What the synthetic detector shows in them, for setting quality tests. Entries per bin are those of
lumisection 1, of 23.31 s at 1000 Hz (100 Hz: a tenth). Those marked * follow pile-up: they fall by
exp(-(LS - 1) / 1500), 0.07 % from LS to LS. Uniform means: nothing but Poisson statistics.

=====================================  ========  ===========  ====================================
element                                bins      entries/bin  expected
=====================================  ========  ===========  ====================================
`Pixel/Layer1/occupancy` *             96        1457         uniform
`Pixel/Layer2/occupancy` *             224       624          uniform
`Pixel/Layer3/occupancy` *             352       397          uniform
`Pixel/Layer4/occupancy` *             512       273          uniform
`Pixel/Layer<n>/occupancy_map` *       8 x       the same     uniform
`Pixel/Disk<side><n>/occupancy` *      112       416          uniform; `PixelNew` as `Pixel`
`SiStrip/TIB/Layer1/occupancy` *       672       87           uniform; TOB layer 2: 51, TID: 107,
                                                              TEC wheel 1: 36
`EcalBarrel/Occupancy/supermodules` *  36        12950        uniform
`EcalBarrel/Occupancy/towers` *        34 x 72   190          uniform
`EcalBarrel/Occupancy/crystals` *      171 x 360 7.6          uniform, but for the empty ieta = 0
`EcalBarrel/Occupancy/eta` *           171       2742         uniform, but for the empty bin at 0
`EcalBarrel/Occupancy/phi` *           360       1295         uniform
`Muon/DT/occupancy` *                  240       389          uniform
`Muon/CSC/occupancy` *                 540       259          uniform
`Muon/RPC/occupancy` *                 360       324          uniform
`Muon/DT/Map/station<n>` *             12 x 5    389          uniform; `RPC/Map/layer<n>`: 324
`L1T/Bits/counts`                      128       probability  63 bits with 193 to 5828 entries; no
                                                 x 23310      bit beyond 62 ever fires
`L1T/Jets/phi` *                       72        971          uniform; `eta`: 1249, empty at 0
`L1T/Jets/towers` *                    57 x 72   17           uniform, but for the empty ieta = 0
`L1T/ElectronsPhotons/phi` *           72        1295         uniform; `eta`: 1665, empty at 0
`L1T/Taus/phi` *                       72        486          uniform; `L1T/Muons/phi`: 259, steady
`HLT/Paths/counts`                     64        probability  `path_probabilities` of the column of
                                                 x 23310      prescales
`GEM/<layer>/occupancy` *              36        647          uniform; `vfats`: 27
`CTPPS/Tracking/<pot>/planes` *        6         5828         uniform
`Castor/sectors` *                     16        11655        uniform
`BRIL/Channels/occupancy` *            48        2914         uniform
`BRIL/Bunches/hits` *                  3564      53           2652 filled bunches, the others empty
=====================================  ========  ===========  ====================================

Means of what is in the axis range, at any pile-up: `Pixel/Layer<n>/charge` 25.3 ke (spread 5.8),
`size` 3.0 (2.4); `EcalBarrel/Energy/EBplus` 0.75 GeV (0.4), `EcalBarrel/Timing/EBplus` 0 ns (1.0);
`Muon/pt` 5.0 GeV, `Muon/time` 0 ns (1.5), `Muon/DT/time` 0 (2.5), `CSC` 0 (3.0), `RPC` 0 (2.0);
`L1T/Jets/pt` 26.7 GeV, `L1T/ElectronsPhotons/pt` 7.5 GeV, both `bx` 0 (0.26);
`BRIL/Channels/time` 5.76 ns (1.9), `charge` 23.8 ke (6.7). At LS 1, falling with pile-up:
`Pixel/clusters_per_event` 24, `EcalBarrel/crystals_per_event` 20, `BRIL/hits_per_event` 6,
`BRIL/pileup` 60, `BRIL/vertices` 42; `SiStrip/clusters_per_event` 40, `Hcal/hits_per_event` 30,
`Castor/energy_per_event` 95 GeV. `SiStrip/TIB/sn_on_track` 20.3, TOB 24.8; `Hcal/HB/energy` 0.83
GeV, HF 3.3 GeV; `BRIL/Luminometers/ratios` 1.

`PixelComparison` and `L1TEmulator` show no difference at all: `agreement` has all events in bin 1,
`difference` in the middle, and `only_...` are empty.

What a fault shows in: `dead:pixel:layer1/module37` empties bin 37 of `Pixel/Layer1/occupancy`,
`dead:ecal:supermodule12` bin 12 (the twelfth) of `supermodules`, `dead:dt:chamber17` bin 17 of
`Muon/DT/occupancy`, `dead:bril:channel5` bin 5 of `BRIL/Channels/occupancy`, `dead:l1t:bit7` bin 7
of `L1T/Bits/counts`, `dead:pixel_new:layer1/module37` fills bin 37 of
`PixelComparison/Layer1/only_present`; `hot:ecal:ieta10/iphi200*50` raises that bin of
`Occupancy/crystals`.
"""

from dqmstream.workspaces.registry import GROUP, find_workspaces, load_workspaces
from dqmstream.workspaces.toml import from_toml

__all__ = ["GROUP", "find_workspaces", "from_toml", "load_workspaces"]
