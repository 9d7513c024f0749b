using System.Numerics;
using static HvSdk.Devices.Emulated.GicBits;

namespace HvSdk.Devices.Emulated;

/// <summary>The interface of one processor (Arm IHI 0069, 12.2): what it lets through, and what it is at. Its owner holds the GIC's lock.</summary>
internal sealed class GicInterface
{
    private uint _activePriorities0;
    private uint _activePriorities1;
    private byte _binaryPoint0 = LeastBinaryPoint0;
    private byte _binaryPoint1 = LeastBinaryPoint1;
    private byte _control;

    public byte PriorityMask { get; set; }

    public bool IsGroup0Enabled { get; set; }

    public bool IsGroup1Enabled { get; set; }

    /// <summary>ICC_CTLR_EL1: five bits of priority, 16 bits of identifiers, SGIs to Aff0 0 to 15.</summary>
    public uint Control
    {
        get => _control | ((PriorityBits - 1u) << InterfacePriorityBitsShift);
        set => _control = (byte)(value & (CommonBinaryPoint | EndModeSplit));
    }

    /// <summary>An end of interrupt drops the priority alone; ICC_DIR_EL1 deactivates.</summary>
    public bool SplitsEnd => (_control & EndModeSplit) != 0;

    /// <summary>The priority of what the processor is at.</summary>
    public byte RunningPriority
    {
        get
        {
            uint active = _activePriorities0 | _activePriorities1;
            return active == 0 ? IdlePriority : (byte)(BitOperations.TrailingZeroCount(active) << PriorityShift);
        }
    }

    public ref uint ActivePriorities(bool group1) => ref group1 ? ref _activePriorities1 : ref _activePriorities0;

    public byte GetBinaryPoint(bool group1) =>
        !group1 ? _binaryPoint0 : (_control & CommonBinaryPoint) == 0 ? _binaryPoint1 : byte.Min((byte)(_binaryPoint0 + 1), MostBinaryPoint);

    public void SetBinaryPoint(bool group1, ulong value)
    {
        byte point = (byte)(value & MostBinaryPoint);
        if (!group1)
        {
            _binaryPoint0 = byte.Max(point, LeastBinaryPoint0);
        }
        else if ((_control & CommonBinaryPoint) == 0)
        {
            _binaryPoint1 = byte.Max(point, LeastBinaryPoint1);
        }
    }

    /// <summary>Tells whether an interrupt is more urgent than what the processor is at, and than what it lets through (4.8.5).</summary>
    public bool CanTake(byte priority, bool group1)
    {
        byte running = RunningPriority;
        return priority < PriorityMask && (running == IdlePriority || GroupPriority(priority, group1) < GroupPriority(running, group1));
    }

    public void Take(byte priority, bool group1) => ActivePriorities(group1) |= 1u << (GroupPriority(priority, group1) >> PriorityShift);

    /// <summary>Ends the most urgent of what the processor is at, if it is of this group.</summary>
    public bool TryDrop(bool group1)
    {
        uint own = ActivePriorities(group1);
        uint other = ActivePriorities(!group1);
        if (own == 0 || (other != 0 && BitOperations.TrailingZeroCount(other) < BitOperations.TrailingZeroCount(own)))
        {
            return false;
        }

        ActivePriorities(group1) = own & (own - 1);
        return true;
    }

    public GicV3ProcessorState Save(GicV3InterruptsState interrupts, bool isAsleep) => new()
    {
        Private = interrupts,
        IsAsleep = isAsleep,
        PriorityMask = PriorityMask,
        BinaryPoint0 = _binaryPoint0,
        BinaryPoint1 = _binaryPoint1,
        Control = _control,
        IsGroup0Enabled = IsGroup0Enabled,
        IsGroup1Enabled = IsGroup1Enabled,
        ActivePriorities0 = _activePriorities0,
        ActivePriorities1 = _activePriorities1,
    };

    public static void Check(GicV3ProcessorState state)
    {
        StateField.Require(state.BinaryPoint0, LeastBinaryPoint0, MostBinaryPoint, nameof(state.BinaryPoint0));
        StateField.Require(state.BinaryPoint1, LeastBinaryPoint1, MostBinaryPoint, nameof(state.BinaryPoint1));
        StateField.Require(state.Control, 0, CommonBinaryPoint | EndModeSplit, nameof(state.Control));
    }

    /// <summary>Puts a state in that <see cref="Check"/> has found good.</summary>
    public void Load(GicV3ProcessorState state)
    {
        PriorityMask = (byte)(state.PriorityMask & GicBits.PriorityMask);
        _binaryPoint0 = state.BinaryPoint0;
        _binaryPoint1 = state.BinaryPoint1;
        _control = state.Control;
        IsGroup0Enabled = state.IsGroup0Enabled;
        IsGroup1Enabled = state.IsGroup1Enabled;
        _activePriorities0 = state.ActivePriorities0;
        _activePriorities1 = state.ActivePriorities1;
    }

    /// <summary>What of a priority counts between interrupts: the bits above the binary point (4.8.6).</summary>
    private byte GroupPriority(byte priority, bool group1)
    {
        int point = !group1 || (_control & CommonBinaryPoint) != 0 ? _binaryPoint0 : _binaryPoint1 - 1;
        return (byte)(priority & (0xFF << (point + 1)));
    }
}
