using HvSdk.Live;
using HvSdk.Testing;

namespace HvSdk.Conformance.Tests;

/// <summary>Loads and stores of AArch64 to devices: forms that the syndrome describes and forms that it does not; and accesses that no device can answer.</summary>
[Arm64Only]
public sealed class Arm64AccessTests
{
    private const ulong Content = 0x8877_6655_8483_8281;

    [Theory]
    [InlineData(1, 0xFFFF_FFFF_FFFF_FF81)]
    [InlineData(2, 0xFFFF_FFFF_FFFF_8281)]
    [InlineData(4, 0xFFFF_FFFF_8483_8281)]
    public void Load_SignExtending_FillsTheRegister(int size, ulong expected)
    {
        using TestMachine machine = Arm64Guest.Create(a =>
        {
            a.AddressDevice();
            a.Ldrs(2, 1, size);
            a.Tell(2);
        });
        Map(machine);
        var handler = default(StopAtHost);

        ulong loaded = machine.Run(ref handler, VcpuExitKind.MmioWrite).Value;

        Divergences.Check("load-extending-the-sign", () => Assert.Equal(expected, loaded));
    }

    [Fact]
    public void ZeroRegister_StoredAndLoaded_IsZeroAndStaysZero()
    {
        // Loads 8 bytes to XZR, and stores it.
        using TestMachine machine = Arm64Guest.Create(static a =>
        {
            a.AddressDevice();
            a.Ldr(Arm64Assembler.Zero, 1, 8);
            a.Str(Arm64Assembler.Zero, 1, 4, 16);
            a.Tell(Arm64Assembler.Zero);
        });
        RecordingDevice device = Map(machine);
        device.Bytes.AsSpan(16, 4).Fill(0x55);

        RunToHost(machine);

        Assert.Equal([new DeviceAccess(false, 0, 8), new DeviceAccess(true, 16, 4)], device.Accesses);
        Assert.Equal(0U, BitConverter.ToUInt32(device.Bytes, 16));
    }

    [Fact]
    public void Pair_StoredAndLoaded_ArrivesInTwoParts()
    {
        using TestMachine machine = Arm64Guest.Create(static a =>
        {
            a.AddressDevice();
            a.Mov(2, 0x11);
            a.Mov(3, 0x22);
            a.Stp(2, 3, 1, 16);
            a.Ldp(4, 5, 1, 16);
            a.AddRegister(4, 4, 5);
            a.Tell(4);
        });
        RecordingDevice device = Map(machine);

        Assert.Equal(0x33UL, RunToHost(machine));

        Assert.Equal([new(true, 16, 8), new(true, 24, 8), new(false, 16, 8), new DeviceAccess(false, 24, 8)], device.Accesses);
    }

    [Fact]
    public void PairOfVectors_Loaded_ArrivesInFourParts()
    {
        // Copies 32 bytes from the device to the buffer, by two vector registers.
        using TestMachine machine = Arm64Guest.Create(static a =>
        {
            a.AddressDevice();
            a.Mov(2, Guest.Buffer);
            a.LoadVectorPair(6, 7, 1);
            a.StoreVector(6, 2);
            a.StoreVector(7, 2, 16);
            a.Tell(Arm64Assembler.Zero);
        });
        RecordingDevice device = Map(machine);
        byte[] content = [.. Enumerable.Range(1, 32).Select(static i => (byte)i)];
        content.CopyTo(device.Bytes, 0);

        RunToHost(machine);

        byte[] copy = new byte[content.Length];
        machine.Memory.Read(Guest.Buffer, copy);
        Assert.Equal(content, copy);
        Assert.Equal([0UL, 8, 16, 24], device.Accesses.Select(static access => access.Offset));
    }

    [Fact]
    public void WriteBack_BeforeAndAfter_MovesTheBase()
    {
        // Loads and then adds 8; takes 4 away and then stores.
        using TestMachine machine = Arm64Guest.Create(static a =>
        {
            a.AddressDevice();
            a.LoadPostIndexed(6, 1, 8);
            a.Mov(2, 0x11);
            a.StoreHalfPreIndexed(2, 1, -4);
            a.Tell(1);
        });
        RecordingDevice device = Map(machine);

        Assert.Equal(Arm64Program.DevicePlace + 4, RunToHost(machine));

        Assert.Equal([new(false, 0, 8), new DeviceAccess(true, 4, 4)], device.Accesses);
        Assert.Equal(Content, machine.Vcpu.Arm64.GetRegisters()[6]);
    }

    [Fact]
    public void WriteBack_OfStackPointer_MovesIt()
    {
        // The device is the stack: loads and adds 16 to SP.
        using TestMachine machine = Arm64Guest.Create(static a =>
        {
            a.AddressDevice();
            a.Add(Arm64Assembler.Zero, 1, 0);
            a.LoadPostIndexed(6, Arm64Assembler.Zero, 16);
            a.Add(7, Arm64Assembler.Zero, 0);
            a.Tell(7);
        });
        Map(machine);

        Assert.Equal(Arm64Program.DevicePlace + 16, RunToHost(machine));
    }

    [Fact]
    public void Registers_ReadAndWrittenAtReads_ReachGuestWithTheAnswer()
    {
        // Loads a register and a pair.
        using TestMachine machine = Arm64Guest.Create(static a =>
        {
            a.AddressDevice();
            a.Mov(3, 0x100);
            a.Ldr(4, 1, 4);
            a.Ldp(5, 6, 1, 8);
            a.Tell(3);
        });
        for (int i = 0; i < 3; i++)
        {
            VcpuExit exit = machine.RunOnce(VcpuExitKind.MmioRead);
            machine.Write(GuestRegister.First, machine.Read(GuestRegister.First) + 0x10);
            exit.SetValue(0x1234);
        }

        Assert.Equal(0x130UL, machine.NextTold());
        Arm64Registers registers = machine.Vcpu.Arm64.GetRegisters();
        Assert.Equal((0x1234UL, 0x1234UL, 0x1234UL), (registers[4], registers[5], registers[6]));
    }

    /// <summary>LDXR, LDADD and DC ZVA (Arm ARM, C6.2): on a device they are nobody's, and the host tells of the instruction.</summary>
    [Theory]
    [InlineData(0xC85F_7C22)]
    [InlineData(0xF820_0022)]
    [InlineData(0xD50B_7421)]
    public void Access_ThatNoDeviceAnswers_LeavesWithItsInstruction(uint instruction)
    {
        using TestMachine machine = Arm64Guest.Create(a =>
        {
            a.AddressDevice();
            a.Word(instruction);
        });

        VcpuExit exit = machine.RunOnce(VcpuExitKind.EmulationFailure);

        Assert.Equal(BitConverter.GetBytes(instruction), exit.InstructionBytes.ToArray());
    }

    [Fact]
    public void Jump_ToNoMemory_LeavesWithTheAddress()
    {
        using TestMachine machine = Arm64Guest.Create(static a => a.BranchTo(27));

        Divergences.Check("fetch-without-memory", () => Assert.Equal(Arm64Program.DevicePlace, machine.RunOnce(VcpuExitKind.MemoryFault).Address));
    }

    [Fact]
    public void TranslationTables_WithoutMemory_LeaveWithTheAddress()
    {
        // Puts its tables where the device is.
        using TestMachine machine = Arm64Guest.Create(static a =>
        {
            a.AddressDevice();
            a.Msr(Arm64SystemRegister.Ttbr0El1, 1);
            a.Isb();
            a.InvalidateTranslations();
            a.Tell(1);
        });

        TimeSpan limit = Divergences.LimitOf("tables-without-memory");
        Divergences.Check(
            "tables-without-memory", () => Assert.Equal(Arm64Program.DevicePlace & ~0xFFFUL, machine.RunOnce(VcpuExitKind.MemoryFault, limit).Address & ~0xFFFUL));
    }

    private static RecordingDevice Map(TestMachine machine)
    {
        var device = new RecordingDevice(0x100);
        BitConverter.TryWriteBytes(device.Bytes, Content);
        machine.Partition.Mmio.Map(Arm64Program.DevicePlace, 0x100, device);
        return device;
    }

    private static ulong RunToHost(TestMachine machine)
    {
        var handler = default(StopAtHost);
        VcpuExit exit = machine.Run(ref handler, VcpuExitKind.MmioWrite);
        Assert.Equal(Arm64Program.HostPlace, exit.Address);
        return exit.Value;
    }

    /// <summary>Leaves accesses to the buses, but for what the guest tells the host, or a vector does.</summary>
    private readonly struct StopAtHost : IVcpuHandler
    {
        public ExitDisposition Handle(in VcpuExit exit) =>
            exit.Kind == VcpuExitKind.MmioWrite && exit.Address >= Arm64Program.HostPlace ? ExitDisposition.Stop : ExitDisposition.NotHandled;
    }
}
