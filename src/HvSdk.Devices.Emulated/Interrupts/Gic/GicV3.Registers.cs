using static HvSdk.Devices.Emulated.GicBits;

namespace HvSdk.Devices.Emulated;

/// <content>The processors' interfaces: the system registers ICC_* (Arm IHI 0069H, 12.2).</content>
public sealed partial class GicV3
{
    /// <summary>Reads a system register of a processor's interface.</summary>
    /// <param name="processor">Whose it is.</param>
    /// <param name="register">The register.</param>
    /// <param name="value">Its value. Reading ICC_IAR0_EL1 and ICC_IAR1_EL1 takes the interrupt.</param>
    /// <returns>False where it is none of an interface, or cannot be read: an undefined instruction.</returns>
    public bool TryReadRegister(int processor, Arm64SystemRegister register, out ulong value)
    {
        GicProcessor reader = Require(processor);
        lock (_gate)
        {
            GicInterface own = reader.Interface;
            ulong? found = GicRegisters.Find(register) switch
            {
                GicRegister.PriorityMask => own.PriorityMask,
                GicRegister.Acknowledge0 => Acknowledge(reader, group1: false),
                GicRegister.Acknowledge1 => Acknowledge(reader, group1: true),
                GicRegister.HighestPending0 => HighestPending(reader, group1: false),
                GicRegister.HighestPending1 => HighestPending(reader, group1: true),
                GicRegister.BinaryPoint0 => own.GetBinaryPoint(group1: false),
                GicRegister.BinaryPoint1 => own.GetBinaryPoint(group1: true),
                GicRegister.ActivePriorities0 => own.ActivePriorities(group1: false),
                GicRegister.ActivePriorities1 => own.ActivePriorities(group1: true),
                GicRegister.RunningPriority => own.RunningPriority,
                GicRegister.Control => own.Control,
                GicRegister.SystemRegisterEnable => SystemRegisters,
                GicRegister.GroupEnable0 => own.IsGroup0Enabled ? 1UL : 0,
                GicRegister.GroupEnable1 => own.IsGroup1Enabled ? 1UL : 0,
                _ => null,
            };
            value = found ?? 0;
            return found is not null;
        }
    }

    /// <summary>Writes a system register of a processor's interface.</summary>
    /// <param name="processor">Whose it is.</param>
    /// <param name="register">The register.</param>
    /// <param name="value">The value.</param>
    /// <returns>False where it is none of an interface, or cannot be written: an undefined instruction.</returns>
    public bool TryWriteRegister(int processor, Arm64SystemRegister register, ulong value)
    {
        GicProcessor writer = Require(processor);
        lock (_gate)
        {
            GicInterface own = writer.Interface;
            switch (GicRegisters.Find(register))
            {
                case GicRegister.PriorityMask:
                    own.PriorityMask = (byte)(value & PriorityMask);
                    break;
                case GicRegister.End0:
                    End(writer, (uint)value, group1: false);
                    break;
                case GicRegister.End1:
                    End(writer, (uint)value, group1: true);
                    break;
                case GicRegister.Deactivate:
                    if (own.SplitsEnd)
                    {
                        Deactivate(writer, (uint)value);
                    }

                    break;
                case GicRegister.BinaryPoint0:
                    own.SetBinaryPoint(group1: false, value);
                    break;
                case GicRegister.BinaryPoint1:
                    own.SetBinaryPoint(group1: true, value);
                    break;
                case GicRegister.ActivePriorities0:
                    own.ActivePriorities(group1: false) = (uint)value;
                    break;
                case GicRegister.ActivePriorities1:
                    own.ActivePriorities(group1: true) = (uint)value;
                    break;
                case GicRegister.Control:
                    own.Control = (uint)value;
                    break;
                case GicRegister.GroupEnable0:
                    own.IsGroup0Enabled = (value & 1) != 0;
                    break;
                case GicRegister.GroupEnable1:
                    own.IsGroup1Enabled = (value & 1) != 0;
                    break;
                case GicRegister.Generate0:
                    Generate(writer, value, group1: false);
                    break;
                case GicRegister.Generate1:
                    Generate(writer, value, group1: true);
                    break;
                case GicRegister.SystemRegisterEnable or GicRegister.GenerateOther: // all its bits are fixed; there is no other Security state
                    break;
                default:
                    return false;
            }

            Update(writer);
            return true;
        }
    }

    /// <summary>Takes the most urgent interrupt, if it is of this group and can be taken now (12.2.14).</summary>
    private uint Acknowledge(GicProcessor processor, bool group1)
    {
        uint interrupt = processor.FindPending(_shared, _control, out byte priority, out bool isGroup1);
        if (interrupt == Spurious || isGroup1 != group1 || !processor.Interface.CanTake(priority, group1))
        {
            return Spurious;
        }

        (GicInterrupts bank, int index) = Find(processor, interrupt);
        bank.Activate(index);
        processor.Interface.Take(priority, group1);
        Update(processor);
        return interrupt;
    }

    private uint HighestPending(GicProcessor processor, bool group1)
    {
        uint interrupt = processor.FindPending(_shared, _control, out _, out bool isGroup1);
        return isGroup1 == group1 ? interrupt : Spurious;
    }

    /// <summary>ICC_EOIR0_EL1, ICC_EOIR1_EL1 (12.2.9): numbers that are none, and ends of what is not the most urgent, are the guest's mistakes and change nothing.</summary>
    private void End(GicProcessor processor, uint interrupt, bool group1)
    {
        if (interrupt < (uint)(PrivateCount + _routes.Length) && processor.Interface.TryDrop(group1) && !processor.Interface.SplitsEnd)
        {
            Deactivate(processor, interrupt);
        }
    }

    private void Deactivate(GicProcessor processor, uint interrupt)
    {
        if (interrupt >= (uint)(PrivateCount + _routes.Length))
        {
            return;
        }

        (GicInterrupts bank, int index) = Find(processor, interrupt);
        bank.Deactivate(index);
        if (interrupt >= PrivateCount)
        {
            UpdateAll(); // it may lead to another processor by now
        }
    }

    /// <summary>ICC_SGI0R_EL1, ICC_SGI1R_EL1 (12.2.19): to all others, or to some of the 16 processors that share three levels of affinity. Each takes it if it has it in this group.</summary>
    private void Generate(GicProcessor sender, ulong value, bool group1)
    {
        int interrupt = (int)(value >> SgiNumberShift) & (SgiCount - 1);
        bool toAllOthers = (value & SgiToAllOthers) != 0;
        ulong cluster = ((value >> 16 & 0xFF) << 8) | ((value >> 32 & 0xFF) << 16) | ((value >> 48 & 0xFF) << 32);
        bool isFirstRange = (value >> SgiRangeShift & 0xF) == 0; // no processor has an Aff0 of 16 or more
        foreach (GicProcessor target in _processors)
        {
            int member = (int)(target.Affinity & 0xFF);
            bool isNamed = toAllOthers ? target != sender : isFirstRange && (target.Affinity & ~0xFFUL) == cluster && (value >> member & 1) != 0;
            if (isNamed && target.Private.IsGroup1(interrupt) == group1)
            {
                target.Private.Latch(interrupt);
                Update(target);
            }
        }
    }

    private (GicInterrupts Bank, int Index) Find(GicProcessor processor, uint interrupt) =>
        interrupt < PrivateCount ? (processor.Private, (int)interrupt) : (_shared, (int)interrupt - PrivateCount);
}
