using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests;

/// <summary>The I/O APIC (Intel 82093AA data sheet, 290566).</summary>
public sealed class IoApicTests
{
    private const uint Masked = 1 << 16;
    private const uint Level = 1 << 15;
    private const uint RemoteIrr = 1 << 14;
    private const uint Logical = 1 << 11;
    private const ulong Address = 0xFEC0_0000;

    private readonly RecordingApic _apic = new();
    private readonly DeviceBench _bench = new();
    private readonly IoApic _ioApic;

    public IoApicTests()
    {
        _ioApic = new IoApic(_apic) { Id = 3 };
        _bench.Attach(_ioApic);
    }

    [Fact]
    public void Version_Read_SaysEndRegisterAnd24Inputs() => Assert.Equal(0x0017_0020U, Read(1));

    [Fact]
    public void Id_Written_KeepsBits27To24()
    {
        Assert.Equal(0x0300_0000U, Read(0));

        Write(0, 0xFAFF_FFFF);

        Assert.Equal(0x0A00_0000U, Read(0));
        Assert.Equal(0x0A00_0000U, Read(2)); // the arbitration ID is loaded with it
    }

    [Fact]
    public void Entries_AfterReset_AreMasked()
    {
        for (int i = 0; i < IoApic.InputCount; i++)
        {
            Assert.Equal(Masked, Read(0x10 + (2 * i)));
            Assert.Equal(0U, Read(0x11 + (2 * i)));
        }
    }

    [Fact]
    public void Entry_OfAllOnes_KeepsItsWritableBits()
    {
        Write(0x12, 0xFFFF_FFFF);
        Write(0x13, 0xFFFF_FFFF);

        Assert.Equal(0x0001_AFFFU, Read(0x12));
        Assert.Equal(0xFF00_0000U, Read(0x13));
    }

    [Fact]
    public void Register_BeyondTheLast_ReadsZero()
    {
        Write(0x40, 0x30);

        Assert.Equal(0U, Read(0x40));
    }

    [Fact]
    public void Select_OfOneByte_IsReadBack()
    {
        _bench.WriteMmio(Address, 0x11, 1);

        Assert.Equal(0x11UL, _bench.ReadMmio(Address));
    }

    [Fact]
    public void Window_OfShortWrite_IsIgnored()
    {
        _bench.WriteMmio(Address, 0x10);

        _bench.WriteMmio(Address + 0x10, 0, 1);

        Assert.Equal(Masked, Read(0x10));
    }

    [Fact]
    public void Edge_OfEachRise_SendsOneMessage()
    {
        SetEntry(4, 0x31, destination: 2);

        Line(4, true);
        Line(4, true);
        Line(4, false);
        Line(4, true);

        var message = new MsiMessage(0xFEE0_2000, 0x31);
        Assert.Equal([message, message], _apic.Sent);
        Assert.Empty(_apic.Routes);
    }

    [Fact]
    public void Edge_WhileMasked_IsLost()
    {
        SetEntry(4, Masked | 0x31);
        Line(4, true);

        SetEntry(4, 0x31);

        Assert.Empty(_apic.Sent);
    }

    [Theory]
    [InlineData(0x00000031u, 0xFEE05000ul, 0x031u)] // fixed
    [InlineData(Logical | 0x31u, 0xFEE05004ul, 0x031u)]
    [InlineData(Logical | 0x131u, 0xFEE0500Cul, 0x131u)] // lowest priority: with the redirection hint
    [InlineData(0x00000200u, 0xFEE05000ul, 0x200u)] // SMI
    [InlineData(0x00000431u, 0xFEE05000ul, 0x400u)] // NMI: no vector
    [InlineData(0x00000500u, 0xFEE05000ul, 0x500u)] // INIT
    [InlineData(0x00000700u, 0xFEE05000ul, 0x700u)] // ExtINT
    [InlineData(0x00008431u, 0xFEE05000ul, 0x400u)] // NMI is an edge, whatever the entry says
    [InlineData(0x00002031u, 0xFEE05000ul, 0x031u)] // the polarity does not matter
    public void Message_OfEntry_HasItsDeliveryModeAndDestination(uint low, ulong address, uint data)
    {
        SetEntry(7, low, destination: 5);

        Line(7, true);

        Assert.Equal([new MsiMessage(address, data)], _apic.Sent);
    }

    [Theory]
    [InlineData(0x0Fu)] // a vector that no local APIC takes
    [InlineData(0x331u)] // reserved delivery modes
    [InlineData(0x631u)]
    public void Message_ThatCannotBe_IsNotSent(uint low)
    {
        SetEntry(7, low);

        Line(7, true);

        Assert.Empty(_apic.Sent);
    }

    [Fact]
    public void Level_WhenAsserted_SendsAndSetsRemoteIrr()
    {
        SetEntry(9, Level | 0x40, destination: 1);

        Line(9, true);

        Assert.Equal([new MsiMessage(0xFEE0_1000, 0xC040)], _apic.Sent);
        Assert.Equal(RemoteIrr | Level | 0x40, Read(0x10 + 18));
    }

    [Fact]
    public void Level_UntilItsEnd_IsNotSentAgain()
    {
        SetEntry(9, Level | 0x40);
        Line(9, true);
        Line(9, false);
        Line(9, true);
        Assert.Single(_apic.Sent);

        _ioApic.EndOfInterrupt(0x41);
        Assert.Single(_apic.Sent);
        _ioApic.EndOfInterrupt(0x40);

        Assert.Equal(2, _apic.Sent.Count);
        Line(9, false);
        _ioApic.EndOfInterrupt(0x40);
        Assert.Equal(2, _apic.Sent.Count);
        Assert.Equal(Level | 0x40, Read(0x10 + 18));
    }

    [Fact]
    public void Level_UnmaskedWhileAsserted_IsSent()
    {
        SetEntry(9, Masked | Level | 0x40);
        Line(9, true);
        Assert.Empty(_apic.Sent);

        SetEntry(9, Level | 0x40);

        Assert.Single(_apic.Sent);
    }

    [Fact]
    public void Level_EndedWhileMasked_IsSentWhenUnmasked()
    {
        SetEntry(9, Level | 0x40);
        Line(9, true);
        SetEntry(9, Masked | Level | 0x40);
        _ioApic.EndOfInterrupt(0x40);
        Assert.Single(_apic.Sent);
        Assert.Equal(Masked | Level | 0x40, Read(0x10 + 18));

        SetEntry(9, Level | 0x40);

        Assert.Equal(2, _apic.Sent.Count);
    }

    [Fact]
    public void Level_TurnedToEdgeAndBack_LosesRemoteIrr()
    {
        SetEntry(9, Level | 0x40);
        Line(9, true);
        Line(9, false);

        SetEntry(9, Masked | 0x40);
        SetEntry(9, Masked | Level | 0x40);

        Assert.Equal(Masked | Level | 0x40, Read(0x10 + 18));
    }

    [Fact]
    public void EndRegister_Written_EndsTheVector()
    {
        SetEntry(9, Level | 0x40);
        Line(9, true);

        _bench.WriteMmio(Address + 0x40, 0x40);

        Assert.Equal(2, _apic.Sent.Count);
    }

    [Fact]
    public void EndRegister_OfVersion11_IsNotThere()
    {
        var bench = new DeviceBench();
        var apic = new RecordingApic();
        var ioApic = new IoApic(apic) { Version = 0x11 };
        bench.Attach(ioApic);
        bench.WriteMmio(Address, 0x10);
        bench.WriteMmio(Address + 0x10, Level | 0x40);
        ioApic.GetInput(0).Set(true);

        bench.WriteMmio(Address + 0x40, 0x40);

        Assert.Single(apic.Sent);
    }

    [Fact]
    public void LevelRoute_OfUnmaskedEntry_IsSaidOnceAndBeforeItIsUsed()
    {
        Line(9, true);
        SetEntry(9, Masked | Level | 0x40);
        Assert.Empty(_apic.Routes);

        SetEntry(9, Level | 0x40);
        SetEntry(9, Level | 0x40);

        Assert.Equal([(9, new MsiMessage(0xFEE0_0000, 0xC040))], _apic.Routes);
    }

    [Fact]
    public void LevelRoute_OfMaskThatComesAndGoes_Stays()
    {
        SetEntry(9, Level | 0x40);
        SetEntry(9, Masked | Level | 0x40);
        SetEntry(9, Level | 0x40);

        Assert.Single(_apic.Routes);
    }

    [Fact]
    public void LevelRoute_OfEntryThatBecomesEdge_IsTakenBack()
    {
        SetEntry(9, Level | 0x40);

        SetEntry(9, Masked);

        Assert.Equal((9, null), _apic.Routes[^1]);
    }

    [Fact]
    public void LevelRoute_OfOtherVector_IsSaidAnew()
    {
        SetEntry(9, Level | 0x40);

        SetEntry(9, Masked | Level | 0x50);
        Assert.Equal((9, null), _apic.Routes[^1]);
        SetEntry(9, Level | 0x50);

        Assert.Equal((9, new MsiMessage(0xFEE0_0000, 0xC050)), _apic.Routes[^1]);
    }

    [Fact]
    public void State_LoadedIntoAnother_GoesOn()
    {
        SetEntry(9, Level | 0x40);
        SetEntry(10, Level | 0x42);
        SetEntry(4, 0x31);
        Line(9, true);
        Line(10, true);
        _ioApic.EndOfInterrupt(0x42);
        Line(10, false);
        var apic = new RecordingApic();
        var other = new IoApic(apic);

        other.LoadState(_ioApic.SaveState());

        Assert.Equivalent(_ioApic.SaveState(), other.SaveState(), strict: true);
        Assert.Equal([9, 10], apic.Routes.Select(static route => route.Input));
        other.EndOfInterrupt(0x40);
        Assert.Equal([0xC040U], apic.Sent.Select(static message => message.Data));
    }

    [Fact]
    public void LoadState_OfShortTable_NamesTheField()
    {
        IoApicState state = _ioApic.SaveState();

        var exception = Assert.ThrowsAny<ArgumentException>(() => _ioApic.LoadState(state with { Entries = [1] }));

        Assert.Contains("Entries has 1 elements; it has 24", exception.Message, StringComparison.Ordinal);
    }

    private void Line(int input, bool asserted) => _ioApic.GetInput(input).Set(asserted);

    private void SetEntry(int input, uint low, byte destination = 0)
    {
        Write(0x11 + (2 * input), (uint)destination << 24);
        Write(0x10 + (2 * input), low);
    }

    private uint Read(int register)
    {
        _bench.WriteMmio(Address, (ulong)register);
        return (uint)_bench.ReadMmio(Address + 0x10);
    }

    private void Write(int register, uint value)
    {
        _bench.WriteMmio(Address, (ulong)register);
        _bench.WriteMmio(Address + 0x10, value);
    }
}
