using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace HvSdk.Emulation;

/// <summary>Vector, MMX and x87 registers as they lie in <see cref="X64CpuState.Xsave"/>.</summary>
internal sealed partial class Core
{
    internal const ulong X87Component = 1;
    internal const ulong SseComponent = 2;
    internal const ulong AvxComponent = 4;

    /// <summary>The vector state was looked at since Run began: components in their initial state have its bytes.</summary>
    internal bool HasVector;

    /// <summary>What XSAVE and its kind put together before it is written, and read before it is taken.</summary>
    internal byte[] VectorScratch => _vectorScratch ??= new byte[X64CpuState.XsaveSize];

    private byte[]? _vectorScratch;

    /// <summary>Components whose bit in XSTATE_BV is clear get the bytes of their initial state, so that nobody need ask again.</summary>
    internal void PrepareVector()
    {
        ulong present = Components;
        if ((present & X87Component) == 0)
        {
            VectorLayout.ResetX87(State.Xsave);
        }

        if ((present & SseComponent) == 0)
        {
            State.Xsave.Slice(VectorLayout.XmmRegisters, 256).Clear();
        }

        if ((present & AvxComponent) == 0)
        {
            State.Xsave.Slice(VectorLayout.YmmHighHalves, 256).Clear();
        }

        HasVector = true;
    }

    /// <summary>XSTATE_BV: components that may differ from their initial state.</summary>
    internal ulong Components
    {
        get => BinaryPrimitives.ReadUInt64LittleEndian(State.Xsave[VectorLayout.StateComponents..]);
        set => BinaryPrimitives.WriteUInt64LittleEndian(State.Xsave[VectorLayout.StateComponents..], value);
    }

    internal uint Mxcsr
    {
        get => BinaryPrimitives.ReadUInt32LittleEndian(State.Xsave[VectorLayout.Mxcsr..]);
        set
        {
            BinaryPrimitives.WriteUInt32LittleEndian(State.Xsave[VectorLayout.Mxcsr..], value);
            ChangeVector(SseComponent);
        }
    }

    /// <summary>The bits of MXCSR that exist: the mask that came with the state, if any.</summary>
    internal uint MxcsrBits
    {
        get
        {
            uint mask = BinaryPrimitives.ReadUInt32LittleEndian(State.Xsave[VectorLayout.MxcsrMask..]);
            return mask != 0 ? mask : VectorLayout.MxcsrBits;
        }
    }

    internal void ChangeVector(ulong components)
    {
        State.Modified |= X64StateGroups.Vector;
        ulong present = Components;
        if ((present & components) != components)
        {
            Components = present | components;
        }
    }

    internal Vector128<byte> Xmm(int index) => MemoryMarshal.Read<Vector128<byte>>(State.Xsave[(VectorLayout.XmmRegisters + (index * 16))..]);

    internal Vector128<byte> YmmHigh(int index) => MemoryMarshal.Read<Vector128<byte>>(State.Xsave[(VectorLayout.YmmHighHalves + (index * 16))..]);

    internal Vector256<byte> Ymm(int index) => Vector256.Create(Xmm(index), YmmHigh(index));

    /// <summary>The low half; the high one stays.</summary>
    internal void SetXmm(int index, Vector128<byte> value)
    {
        MemoryMarshal.Write(State.Xsave[(VectorLayout.XmmRegisters + (index * 16))..], value);
        ChangeVector(SseComponent);
    }

    internal void SetYmmHigh(int index, Vector128<byte> value)
    {
        // What is clear already needs no component.
        if (value != Vector128<byte>.Zero || (Components & AvxComponent) != 0)
        {
            MemoryMarshal.Write(State.Xsave[(VectorLayout.YmmHighHalves + (index * 16))..], value);
            ChangeVector(AvxComponent);
        }
    }

    internal void SetYmm(int index, Vector256<byte> value)
    {
        SetXmm(index, value.GetLower());
        SetYmmHigh(index, value.GetUpper());
    }

    internal ushort X87Status
    {
        get => BinaryPrimitives.ReadUInt16LittleEndian(State.Xsave[VectorLayout.StatusWord..]);
        set
        {
            BinaryPrimitives.WriteUInt16LittleEndian(State.Xsave[VectorLayout.StatusWord..], value);
            ChangeVector(X87Component);
        }
    }

    internal ushort X87Control
    {
        get => BinaryPrimitives.ReadUInt16LittleEndian(State.Xsave[VectorLayout.ControlWord..]);
        set
        {
            BinaryPrimitives.WriteUInt16LittleEndian(State.Xsave[VectorLayout.ControlWord..], value);
            ChangeVector(X87Component);
        }
    }

    /// <summary>The physical register that is the top of the x87 stack.</summary>
    internal int X87Top => (X87Status >> 11) & 7;

    /// <summary>Ten bytes of a stack register: slots are in the order of the stack.</summary>
    internal Span<byte> X87Slot(int stackIndex) => State.Xsave.Slice(VectorLayout.X87Registers + ((stackIndex & 7) * 16), 10);

    /// <summary>An MMX register is the mantissa of a physical x87 register.</summary>
    internal ulong Mm(int index) => BinaryPrimitives.ReadUInt64LittleEndian(X87Slot(index - X87Top));

    internal void SetMm(int index, ulong value)
    {
        EnterMmx();
        Span<byte> slot = X87Slot(index);
        BinaryPrimitives.WriteUInt64LittleEndian(slot, value);
        slot[8] = slot[9] = 0xFF;
    }

    /// <summary>What each MMX instruction but EMMS does: the top of the stack is 0 and no register is empty.</summary>
    internal void EnterMmx()
    {
        SetX87Top(0);
        State.Xsave[VectorLayout.TagByte] = 0xFF;
        ChangeVector(X87Component);
    }

    /// <summary>Moves the top of the stack; physical registers stay what they are.</summary>
    internal void SetX87Top(int top)
    {
        int by = (top - X87Top) & 7;
        if (by == 0)
        {
            return;
        }

        Span<byte> old = stackalloc byte[128];
        Span<byte> slots = State.Xsave.Slice(VectorLayout.X87Registers, 128);
        slots.CopyTo(old);
        for (int i = 0; i < 8; i++)
        {
            old.Slice(((i + by) & 7) * 16, 16).CopyTo(slots[(i * 16)..]);
        }

        X87Status = (ushort)((X87Status & ~0x3800) | (top << 11));
    }
}
