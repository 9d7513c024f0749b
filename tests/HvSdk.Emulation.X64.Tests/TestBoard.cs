using System.Buffers.Binary;
using HvSdk.Testing;

namespace HvSdk.Emulation.Tests;

/// <summary>A processor, its memory and the devices that answer what leaves the emulator.</summary>
internal sealed class TestBoard
{
    private readonly List<string> _accesses = [];

    public TestBoard(GuestProgram program, X64EmulatorOptions? options = null, int ramSize = 4 << 20)
    {
        Ram = new byte[ramSize];
        foreach (GuestImagePart part in program.Parts)
        {
            part.Bytes.Span.CopyTo(Ram.AsSpan((int)part.Address));
        }

        State.SetRegisters(program.InitialRegisters);
        State.SpecialRegisters = program.InitialSpecialRegisters;
        Emulator = new(options);
    }

    public byte[] Ram { get; }

    public Dictionary<uint, ulong> Msrs { get; } = [];

    /// <summary>What CPUID answers; null: something that shows what was asked.</summary>
    public Func<uint, uint, (uint Eax, uint Ebx, uint Ecx, uint Edx)>? Cpuid { get; set; }

    public ulong ReadOnlyPage { get; set; } = ulong.MaxValue;

    public int VectorLoads { get; set; }

    public Action? BeforeCompareExchange { get; set; }

    /// <summary>How often the emulator has asked the machine for memory.</summary>
    public long MachineCalls { get; set; }

    public X64CpuState State { get; } = new();

    public X64Emulator Emulator { get; }

    /// <summary>What a device gives to a read: the address's low byte in each byte, unless a test says otherwise.</summary>
    public Func<ulong, int, ulong> Device { get; set; } = static (address, _) => (address & 0xFF) * 0x0101_0101_0101_0101;

    /// <summary>What left the emulator, one text each.</summary>
    public IReadOnlyList<string> Accesses => _accesses;

    public X64Registers Registers
    {
        get
        {
            State.GetRegisters(out X64Registers registers);
            return registers;
        }
        set => State.SetRegisters(value);
    }

    /// <summary>One call of Run.</summary>
    public X64EmulationResult Step(long limit = 1)
    {
        TestMachine machine = new(this);
        return Emulator.Run(State, ref machine, limit);
    }

    /// <summary>Runs, answering accesses, until something else happens.</summary>
    public X64EmulationResult Run(long limit = 10_000)
    {
        for (int i = 0; i < 10_000; i++)
        {
            X64EmulationResult result = Step(limit);
            if (result != X64EmulationResult.Access)
            {
                return result;
            }

            Answer();
        }

        throw new InvalidOperationException("The guest does nothing but access devices.");
    }

    /// <summary>Runs to HLT.</summary>
    public X64Registers RunToHalt(long limit = 10_000)
    {
        X64EmulationResult result = Run(limit);
        Assert.True(
            result == X64EmulationResult.Halted,
            $"{result} at RIP 0x{Registers.Rip:X}, {Emulator.Exception}, instruction {Convert.ToHexString(Emulator.Instruction)}");
        return Registers;
    }

    /// <summary>Does the access that left the emulator.</summary>
    public void Answer()
    {
        X64EmulatedAccess access = Emulator.Access;
        string place = $"{(access.IsPort ? "port" : "mmio")} {access.Address:X}";
        Span<byte> value = stackalloc byte[8];
        value.Clear();
        if (access.IsWrite)
        {
            access.Data.CopyTo(value);
            _accesses.Add($"{place} <- {BinaryPrimitives.ReadUInt64LittleEndian(value):X}/{access.Size}");
        }
        else
        {
            BinaryPrimitives.WriteUInt64LittleEndian(value, Device(access.Address, access.Size));
            value[..access.Size].CopyTo(access.Data);
            _accesses.Add($"{place} ->/{access.Size}");
        }
    }

    public ulong Read(ulong address, int size)
    {
        Span<byte> value = stackalloc byte[8];
        value.Clear();
        Ram.AsSpan((int)address, size).CopyTo(value);
        return BinaryPrimitives.ReadUInt64LittleEndian(value);
    }

    public void Write(ulong address, int size, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        bytes[..size].CopyTo(Ram.AsSpan((int)address));
    }
}
