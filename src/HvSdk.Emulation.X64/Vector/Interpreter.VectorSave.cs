using System.Buffers.Binary;

namespace HvSdk.Emulation;

/// <summary>FXSAVE and FXRSTOR; XSAVE, XRSTOR and their kind (Intel SDM vol. 1, 10.5 and 13.7 to 13.12).</summary>
internal static partial class Interpreter<TMachine>
{
    private const ulong Compacted = 1UL << 63;

    /// <summary>What distinguishes the saves.</summary>
    internal enum SaveKind
    {
        /// <summary>XSAVE: components are written even in their initial state.</summary>
        Plain,

        /// <summary>XSAVEOPT: those in their initial state are not.</summary>
        Optimized,

        /// <summary>XSAVEC and XSAVES: the same, one behind the other.</summary>
        Compacted,
    }

    /// <summary>FXSAVE. Without CR4.OSFXSR only the x87 part is stored.</summary>
    internal static bool SaveLegacy(Core c, ref TMachine m, in Op op, bool is64)
    {
        if (!UseX87(c, ref m, waits: false) || !CheckAreaAlignment(c, op, 16))
        {
            return false;
        }

        Span<byte> area = c.VectorScratch.AsSpan(0, (c.State.Cr4 & X64Cr4.OsFxsr) == 0 ? VectorLayout.XmmRegisters : XmmEnd(c));
        FillLegacy(c, area, is64);
        return WriteBlock(c, ref m, op.Segment, Offset(c, op), area);
    }

    internal static bool RestoreLegacy(Core c, ref TMachine m, in Op op, bool is64)
    {
        Span<byte> area = c.VectorScratch.AsSpan(0, VectorLayout.LegacySize);
        if (!UseX87(c, ref m, waits: false) || !CheckAreaAlignment(c, op, 16) || !ReadBlock(c, ref m, op.Segment, Offset(c, op), area))
        {
            return false;
        }

        bool hasSse = (c.State.Cr4 & X64Cr4.OsFxsr) != 0;
        uint mxcsr = BinaryPrimitives.ReadUInt32LittleEndian(area[VectorLayout.Mxcsr..]);
        if (hasSse && (mxcsr & ~c.MxcsrBits) != 0)
        {
            return c.GeneralProtection();
        }

        TakeX87(c, area, is64);
        if (hasSse)
        {
            c.Mxcsr = mxcsr;
            area[VectorLayout.XmmRegisters..XmmEnd(c)].CopyTo(c.State.Xsave[VectorLayout.XmmRegisters..]);
        }

        return true;
    }

    internal static bool SaveExtended(Core c, ref TMachine m, in Op op, bool is64, SaveKind kind, bool supervisor)
    {
        if (!UseExtended(c, ref m, op, supervisor, out ulong requested))
        {
            return false;
        }

        byte[] scratch = c.VectorScratch;
        Span<byte> area = scratch;
        int segment = op.Segment;
        ulong offset = Offset(c, op);
        ulong inUse = InUse(c);
        ulong written = kind == SaveKind.Plain ? requested : requested & inUse;
        ulong old = 0;
        if (kind != SaveKind.Compacted && !Read(c, ref m, segment, offset + VectorLayout.StateComponents, 8, out old))
        {
            return false;
        }

        // The compacted form takes an unusual MXCSR for SSE state in use.
        if (kind == SaveKind.Compacted && (requested & Core.SseComponent) != 0 && c.Mxcsr != VectorLayout.MxcsrReset)
        {
            written |= Core.SseComponent;
            inUse |= Core.SseComponent;
        }

        FillLegacy(c, area, is64);
        bool mxcsr = kind == SaveKind.Compacted ? (written & Core.SseComponent) != 0 : (requested & 6) != 0;
        if (((written & Core.X87Component) != 0
                && (!WriteBlock(c, ref m, segment, offset, area[..VectorLayout.Mxcsr])
                    || !WriteBlock(c, ref m, segment, offset + VectorLayout.X87Registers, area[VectorLayout.X87Registers..VectorLayout.XmmRegisters])))
            || (mxcsr && !WriteBlock(c, ref m, segment, offset + VectorLayout.Mxcsr, area.Slice(VectorLayout.Mxcsr, 8)))
            || ((written & Core.SseComponent) != 0
                && !WriteBlock(c, ref m, segment, offset + VectorLayout.XmmRegisters, area[VectorLayout.XmmRegisters..XmmEnd(c)])))
        {
            return false;
        }

        int next = VectorLayout.YmmHighHalves;
        for (int i = 2; i < 63 && requested >> i != 0; i++)
        {
            ulong component = 1UL << i;
            if ((requested & component) == 0)
            {
                continue;
            }

            if (!FindComponent(c, ref m, i, out int from, out int size, out bool aligned))
            {
                return false;
            }

            next = aligned ? (next + 63) & ~63 : next;
            int to = kind == SaveKind.Compacted ? next : from;
            next += size;
            int length = i == 2 && !c.Is64 ? size / 2 : size;
            if ((written & component) != 0 && !WriteBlock(c, ref m, segment, offset + (ulong)to, c.State.Xsave.Slice(from, length)))
            {
                return false;
            }
        }

        BinaryPrimitives.WriteUInt64LittleEndian(area, (old & ~requested) | (inUse & requested));
        BinaryPrimitives.WriteUInt64LittleEndian(area[8..], requested | Compacted);
        return WriteBlock(c, ref m, segment, offset + VectorLayout.StateComponents, area[..(kind == SaveKind.Compacted ? 16 : 8)]);
    }

    internal static bool RestoreExtended(Core c, ref TMachine m, in Op op, bool is64, bool supervisor)
    {
        if (!UseExtended(c, ref m, op, supervisor, out ulong requested))
        {
            return false;
        }

        Span<byte> area = c.VectorScratch;
        ulong offset = Offset(c, op);
        if (!ReadBlock(c, ref m, op.Segment, offset, area[..VectorLayout.YmmHighHalves]))
        {
            return false;
        }

        ulong present = BinaryPrimitives.ReadUInt64LittleEndian(area[VectorLayout.StateComponents..]);
        ulong compaction = BinaryPrimitives.ReadUInt64LittleEndian(area[VectorLayout.CompactedComponents..]);
        bool compacted = (compaction & Compacted) != 0;
        uint mxcsr = BinaryPrimitives.ReadUInt32LittleEndian(area[VectorLayout.Mxcsr..]);
        bool loadsMxcsr = compacted ? (requested & present & Core.SseComponent) != 0 : (requested & 6) != 0;
        bool headerIsWrong = compacted
            ? ((compaction & ~Compacted) & ~c.State.Xcr0) != 0 || (present & ~compaction) != 0 || area[(VectorLayout.StateComponents + 16)..VectorLayout.YmmHighHalves].ContainsAnyExcept((byte)0)
            : supervisor || (present & ~c.State.Xcr0) != 0 || area.Slice(VectorLayout.CompactedComponents, 16).ContainsAnyExcept((byte)0);
        if (headerIsWrong || (loadsMxcsr && (mxcsr & ~c.MxcsrBits) != 0))
        {
            return c.GeneralProtection();
        }

        // All is read before anything is taken.
        ulong listed = compacted ? compaction & ~Compacted : requested | present;
        ulong loaded = requested & present;
        int next = VectorLayout.YmmHighHalves;
        for (int i = 2; i < 63 && listed >> i != 0; i++)
        {
            if ((listed & (1UL << i)) == 0)
            {
                continue;
            }

            if (!FindComponent(c, ref m, i, out int to, out int size, out bool aligned))
            {
                return false;
            }

            next = aligned ? (next + 63) & ~63 : next;
            int from = compacted ? next : to;
            next += size;
            if ((loaded & (1UL << i)) != 0 && !ReadBlock(c, ref m, op.Segment, offset + (ulong)from, area.Slice(to, size)))
            {
                return false;
            }
        }

        Take(c, ref m, area, requested, present, is64);
        if (loadsMxcsr)
        {
            c.Mxcsr = mxcsr;
        }
        else if (compacted && (requested & Core.SseComponent) != 0)
        {
            c.Mxcsr = VectorLayout.MxcsrReset;
        }

        return true;
    }

    /// <summary>Takes the requested components that are present, and puts the others into their initial state.</summary>
    private static void Take(Core c, ref TMachine m, Span<byte> area, ulong requested, ulong present, bool is64)
    {
        Span<byte> state = c.State.Xsave;
        if ((requested & Core.X87Component) != 0)
        {
            if ((present & Core.X87Component) != 0)
            {
                TakeX87(c, area, is64);
            }
            else
            {
                VectorLayout.ResetX87(state);
            }
        }

        for (int i = 1; i < 63 && requested >> i != 0; i++)
        {
            int position = VectorLayout.XmmRegisters;
            int size = XmmEnd(c) - VectorLayout.XmmRegisters;
            if ((requested & (1UL << i)) == 0 || (i > 1 && !FindComponent(c, ref m, i, out position, out size, out _)))
            {
                continue;
            }

            // Outside 64-bit mode the upper eight registers are not touched.
            size = i == 2 && !c.Is64 ? size / 2 : size;
            if ((present & (1UL << i)) != 0)
            {
                area.Slice(position, size).CopyTo(state[position..]);
            }
            else
            {
                state.Slice(position, size).Clear();
            }
        }

        ulong kept = c.Is64 ? 0 : c.Components & requested & 6;
        c.Components = (c.Components & ~requested) | (present & requested) | kept;
        c.State.Modified |= X64StateGroups.Vector;
    }

    /// <summary>Checks what all of XSAVE's kind check, and gives the components that are meant: XCR0 and EDX:EAX.</summary>
    private static bool UseExtended(Core c, ref TMachine m, in Op op, bool supervisor, out ulong requested)
    {
        requested = 0;
        if ((c.State.Cr4 & X64Cr4.OsXsave) == 0)
        {
            return c.Undefined();
        }

        if ((c.State.Cr0 & FlagBits.Cr0TaskSwitched) != 0)
        {
            return c.Raise(Vectors.DeviceNotAvailable);
        }

        if ((supervisor && c.Cpl != 0 && !c.GeneralProtection()) || !CheckAreaAlignment(c, op, 64))
        {
            return false;
        }

        // Supervisor components are not of the state that the emulator keeps.
        if (supervisor && m.TryReadMsr(SupervisorStateMsr, out ulong supervised) && supervised != 0)
        {
            return c.Unsupported();
        }

        EnsureVector(c, ref m);
        requested = c.State.Xcr0 & Pair(c);
        return true;
    }

    private static bool CheckAreaAlignment(Core c, in Op op, int size) =>
        ((c.Views[op.Segment].Base + Offset(c, op)) & (ulong)(size - 1)) == 0 || c.GeneralProtection();

    /// <summary>Where a component lies in the standard format. Those behind AVX are as the machine's CPUID says.</summary>
    private static bool FindComponent(Core c, ref TMachine m, int index, out int position, out int size, out bool aligned)
    {
        (position, size, aligned) = (VectorLayout.YmmHighHalves, VectorLayout.AvxSize, false);
        if (index == 2)
        {
            return true;
        }

        m.Cpuid(StateLeaf, (uint)index, out uint length, out uint offset, out uint flags, out _);
        (position, size, aligned) = ((int)offset, (int)length, (flags & 2) != 0);
        return (length != 0 && offset >= VectorLayout.YmmHighHalves && (ulong)offset + length <= X64CpuState.XsaveSize) || c.Unsupported();
    }

    /// <summary>XINUSE: the components that are not in their initial state. MXCSR does not count.</summary>
    private static ulong InUse(Core c)
    {
        ReadOnlySpan<byte> state = c.State.Xsave;
        ulong inUse = c.Components;
        Span<byte> initial = stackalloc byte[VectorLayout.XmmRegisters];
        state[..VectorLayout.XmmRegisters].CopyTo(initial);
        VectorLayout.ResetX87(initial);
        if (state[..VectorLayout.XmmRegisters].SequenceEqual(initial))
        {
            inUse &= ~Core.X87Component;
        }

        if (!state.Slice(VectorLayout.XmmRegisters, 256).ContainsAnyExcept((byte)0))
        {
            inUse &= ~Core.SseComponent;
        }

        if (!state.Slice(VectorLayout.YmmHighHalves, VectorLayout.AvxSize).ContainsAnyExcept((byte)0))
        {
            inUse &= ~Core.AvxComponent;
        }

        return inUse;
    }

    private static int XmmEnd(Core c) => VectorLayout.XmmRegisters + (c.Is64 ? 256 : 128);

    /// <summary>The legacy region as it is stored: the forms without REX.W have pointers of 32 bits, whose selectors read as 0.</summary>
    private static void FillLegacy(Core c, Span<byte> area, bool is64)
    {
        c.State.Xsave[..area.Length].CopyTo(area);
        area[5] = 0;
        BinaryPrimitives.WriteUInt32LittleEndian(area[VectorLayout.MxcsrMask..], c.MxcsrBits);
        if (!is64)
        {
            area.Slice(VectorLayout.InstructionPointer + 4, 4).Clear();
            area.Slice(VectorLayout.DataPointer + 4, 4).Clear();
        }
    }

    private static void TakeX87(Core c, Span<byte> area, bool is64)
    {
        Span<byte> state = c.State.Xsave;
        area[..VectorLayout.Mxcsr].CopyTo(state);
        state[5] = 0;
        if (!is64)
        {
            state.Slice(VectorLayout.InstructionPointer + 4, 4).Clear();
            state.Slice(VectorLayout.DataPointer + 4, 4).Clear();
        }

        for (int i = 0; i < 8; i++)
        {
            area.Slice(VectorLayout.X87Registers + (i * 16), 10).CopyTo(c.X87Slot(i));
        }

        SetX87Control(c, c.X87Control);
    }
}
