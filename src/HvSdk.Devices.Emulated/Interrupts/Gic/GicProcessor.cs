using static HvSdk.Devices.Emulated.GicBits;

namespace HvSdk.Devices.Emulated;

/// <summary>One processor's part of a GIC. Its owner holds the GIC's lock.</summary>
internal sealed class GicProcessor(int index, int sharedWords)
{
    private const uint Sgis = (1u << SgiCount) - 1;

    public int Index { get; } = index;

    /// <summary>Its affinity, Aff3 in bits 39 to 32.</summary>
    public ulong Affinity { get; } = Arm64Vcpu.GetAffinity(index);

    /// <summary>SGIs and PPIs.</summary>
    public GicInterrupts Private { get; } = new(1, Sgis);

    public GicInterface Interface { get; } = new();

    /// <summary>The shared interrupts that lead here.</summary>
    public uint[] Routed { get; } = new uint[sharedWords];

    /// <summary>GICR_WAKER.ProcessorSleep; it keeps nothing back: hypervisors that have no power to manage let it pass, and guests written for those do not wake.</summary>
    public bool IsAsleep { get; set; } = true;

    public bool IsIrqAsserted { get; set; }

    public bool IsFiqAsserted { get; set; }

    /// <summary>Finds the most urgent interrupt that may come here; of several the one with the lowest number.</summary>
    /// <returns>Its INTID, or <see cref="Spurious"/>.</returns>
    public uint FindPending(GicInterrupts shared, uint distributorControl, out byte priority, out bool group1)
    {
        bool allows0 = (distributorControl & EnableGroup0) != 0 && Interface.IsGroup0Enabled;
        bool allows1 = (distributorControl & EnableGroup1) != 0 && Interface.IsGroup1Enabled;
        uint best = Spurious;
        priority = IdlePriority;
        group1 = false;
        for (int word = -1; word < shared.Words; word++)
        {
            GicInterrupts bank = word < 0 ? Private : shared;
            int bankWord = int.Max(word, 0);
            uint candidates = bank.Candidates(bankWord, allows0, allows1) & (word < 0 ? uint.MaxValue : Routed[word]);
            for (; candidates != 0; candidates &= candidates - 1)
            {
                int at = (bankWord * WordBits) + System.Numerics.BitOperations.TrailingZeroCount(candidates);
                if (bank.PriorityOf(at) < priority)
                {
                    priority = bank.PriorityOf(at);
                    best = (uint)(word < 0 ? at : at + PrivateCount);
                    group1 = bank.IsGroup1(at);
                }
            }
        }

        return best;
    }
}
