using System.Buffers.Binary;
using System.Globalization;

namespace HvSdk.Devices.Emulated.Tests;

/// <summary>A GIC whose outputs are remembered, with the accesses of a guest.</summary>
internal sealed class GicBench : IGicV3Output
{
    internal const uint GroupRegister = 0x80;
    internal const uint SetEnable = 0x100;
    internal const uint ClearEnable = 0x180;
    internal const uint SetPending = 0x200;
    internal const uint ClearPending = 0x280;
    internal const uint SetActive = 0x300;
    internal const uint ClearActive = 0x380;
    internal const uint Priorities = 0x400;
    internal const uint Configuration = 0xC00;
    internal const uint Routes = 0x6000;
    internal const uint SgiFrame = 0x1_0000;

    internal static readonly Arm64SystemRegister Iar0 = Arm64SystemRegister.Create(3, 0, 12, 8, 0);
    internal static readonly Arm64SystemRegister Eoir0 = Arm64SystemRegister.Create(3, 0, 12, 8, 1);
    internal static readonly Arm64SystemRegister Hppir1 = Arm64SystemRegister.Create(3, 0, 12, 12, 2);
    internal static readonly Arm64SystemRegister Ap1R0 = Arm64SystemRegister.Create(3, 0, 12, 9, 0);
    internal static readonly Arm64SystemRegister Dir = Arm64SystemRegister.Create(3, 0, 12, 11, 1);
    internal static readonly Arm64SystemRegister Rpr = Arm64SystemRegister.Create(3, 0, 12, 11, 3);
    internal static readonly Arm64SystemRegister Sgi0R = Arm64SystemRegister.Create(3, 0, 12, 11, 7);

    private readonly bool[,] _inputs;

    internal GicBench(int processors = 1, int sharedInterrupts = 64)
    {
        _inputs = new bool[processors, 2];
        Gic = new GicV3(processors, this, sharedInterrupts);
    }

    internal GicV3 Gic { get; }

    /// <summary>Each change of an input: "0 Irq +".</summary>
    internal List<string> Changes { get; } = [];

    /// <summary>Turns on both groups and lets all priorities through, as a kernel does on each processor.</summary>
    internal GicBench TurnOn()
    {
        Write(0, 0x3);
        for (int i = 0; i < _inputs.GetLength(0); i++)
        {
            Set(Arm64SystemRegister.IccPmrEl1, 0xF8, i);
            Set(Arm64SystemRegister.IccIgrpen0El1, 1, i);
            Set(Arm64SystemRegister.IccIgrpen1El1, 1, i);
        }

        return this;
    }

    /// <summary>Puts a shared interrupt into group 1 and enables it.</summary>
    internal void EnableShared(int line, byte priority = 0xA0, bool edge = false, uint route = 0)
    {
        uint word = (uint)((line + 32) / 32 * 4);
        uint bit = 1u << (line % 32);
        Write(GroupRegister + word, Read(GroupRegister + word) | bit);
        Write(Configuration + (uint)((line + 32) / 16 * 4), edge ? 2u << (line % 16 * 2) : 0);
        Write(Routes + (uint)(8 * (line + 32)), route);
        Gic.Distributor.Write(Priorities + (uint)(line + 32), [priority]);
        Write(SetEnable + word, bit);
    }

    /// <summary>Puts all private interrupts of a processor into group 1 and enables them.</summary>
    internal void EnablePrivate(int processor = 0, byte priority = 0x80)
    {
        WriteRedistributor(SgiFrame + GroupRegister, uint.MaxValue, processor);
        for (uint i = 0; i < 32; i += 4)
        {
            WriteRedistributor(SgiFrame + Priorities + i, priority * 0x0101_0101U, processor);
        }

        WriteRedistributor(SgiFrame + SetEnable, uint.MaxValue, processor);
    }

    internal bool Irq(int processor = 0) => _inputs[processor, (int)Arm64InterruptInput.Irq];

    internal bool Fiq(int processor = 0) => _inputs[processor, (int)Arm64InterruptInput.Fiq];

    internal uint Read(uint offset)
    {
        byte[] data = new byte[4];
        Gic.Distributor.Read(offset, data);
        return BinaryPrimitives.ReadUInt32LittleEndian(data);
    }

    internal void Write(uint offset, uint value)
    {
        byte[] data = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(data, value);
        Gic.Distributor.Write(offset, data);
    }

    internal uint ReadRedistributor(uint offset, int processor = 0)
    {
        byte[] data = new byte[4];
        Gic.Redistributors.Read(offset + ((ulong)processor * Arm64GicLayout.RedistributorSize), data);
        return BinaryPrimitives.ReadUInt32LittleEndian(data);
    }

    internal void WriteRedistributor(uint offset, uint value, int processor = 0)
    {
        byte[] data = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(data, value);
        Gic.Redistributors.Write(offset + ((ulong)processor * Arm64GicLayout.RedistributorSize), data);
    }

    internal ulong Get(Arm64SystemRegister register, int processor = 0)
    {
        Assert.True(Gic.TryReadRegister(processor, register, out ulong value), $"{register} cannot be read.");
        return value;
    }

    internal void Set(Arm64SystemRegister register, ulong value, int processor = 0) =>
        Assert.True(Gic.TryWriteRegister(processor, register, value), $"{register} cannot be written.");

    internal ulong Acknowledge(int processor = 0) => Get(Arm64SystemRegister.IccIar1El1, processor);

    internal void End(ulong interrupt, int processor = 0) => Set(Arm64SystemRegister.IccEoir1El1, interrupt, processor);

    void IGicV3Output.SetInput(int processor, Arm64InterruptInput input, bool asserted)
    {
        Assert.NotEqual(asserted, _inputs[processor, (int)input]); // changes alone
        _inputs[processor, (int)input] = asserted;
        Changes.Add(string.Create(CultureInfo.InvariantCulture, $"{processor} {input} {(asserted ? '+' : '-')}"));
    }
}
