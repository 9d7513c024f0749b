using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests.Keyboard;

/// <summary>The i8042's commands and registers (IBM PS/2 Hardware Interface Technical Reference, keyboard and auxiliary device controller).</summary>
public sealed class KeyboardController8042Tests
{
    private const ushort Data = 0x60;
    private const ushort Command = 0x64;

    private readonly DeviceBench _bench = new();
    private readonly KeyboardController8042 _controller = new();

    public KeyboardController8042Tests()
    {
        _bench.Attach(_controller);
    }

    [Fact]
    public void Status_AfterReset_IsEmptyUnlockedAndTested() => Assert.Equal(0x14, Status);

    [Fact]
    public void Status_AfterACommand_SaysSo()
    {
        Execute(0xAE);
        Assert.Equal(0x1C, Status);

        Write(0xF4);
        Assert.Equal(0x15, Status);
    }

    [Fact]
    public void CommandByte_Written_ReadsBack()
    {
        Execute(0x60, 0x47);
        Execute(0x20);

        Assert.Equal(0x47, Read());
    }

    [Fact]
    public void CommandByte_SystemFlag_IsThatOfTheStatus()
    {
        Execute(0x60, 0x43);
        Assert.Equal(0x10, Status);

        Execute(0xAA);
        Assert.Equal(0x1D, Status);
    }

    [Fact]
    public void Memory_Written_ReadsBack()
    {
        Execute(0x7F, 0x5A);
        Execute(0x3F);

        Assert.Equal(0x5A, Read());
    }

    [Theory]
    [InlineData(0xAA, 0x55)] // self test
    [InlineData(0xAB, 0x00)] // keyboard interface test
    [InlineData(0xA4, 0xF1)] // no password
    [InlineData(0xC0, 0x80)] // input port
    [InlineData(0xE0, 0x00)] // test inputs
    [InlineData(0x20, 0x65)] // command byte, as firmware leaves it
    public void Command_ThatAnswers_Answers(byte command, byte answer)
    {
        Execute(command);

        Assert.Equal(0x01, Status & 0x21);
        Assert.Equal(answer, Read());
        Assert.Equal(0x00, Status & 0x01);
    }

    [Fact]
    public void AuxPort_LoopAndTest_ShowThatNothingIsConnected()
    {
        // Linux (drivers/input/serio/i8042.c, i8042_check_aux): the loop must not answer as the mouse, and the test must fail.
        Execute(0xD3, 0x5A);
        Assert.Equal(0x01, Status & 0x21);

        Execute(0xA9);
        Assert.Equal(0x01, Read());
        Assert.Equal(0x00, Status & 0x01);
    }

    [Fact]
    public void AuxPort_BytesToTheMouse_TimeOut()
    {
        Execute(0xD4, 0xF4);

        Assert.Equal(0x61, Status & 0x61);
        Assert.Equal(0xFE, Read());
        Assert.False(_bench.Line(1).IsAsserted);
    }

    [Fact]
    public void AuxPort_DisabledAndEnabled_ShowsInTheCommandByte()
    {
        Execute(0xA8);
        Execute(0x20);
        Assert.Equal(0x45, Read());

        Execute(0xA7);
        Execute(0x20);
        Assert.Equal(0x65, Read());
    }

    [Fact]
    public void OutputPort_A20_IsKept()
    {
        Execute(0xD1, 0xDD);
        Assert.False(_controller.IsA20Enabled);
        Execute(0xDF);
        Assert.True(_controller.IsA20Enabled);
        Execute(0xDD);
        Assert.False(_controller.IsA20Enabled);
        Execute(0xD0);
        Assert.Equal(0xCD, Read());
        Assert.Empty(_bench.Machine.Requests);
    }

    [Fact]
    public void OutputPort_ResetBitCleared_ResetsTheMachine()
    {
        Execute(0xD1, 0xDE);

        Assert.Equal(["Reset"], _bench.Machine.Requests);
    }

    [Fact]
    public void PulseOutput_BitZeroClear_ResetsTheMachine()
    {
        for (int command = 0xF0; command <= 0xFF; command++)
        {
            var bench = new DeviceBench();
            bench.Attach(new KeyboardController8042());

            bench.WritePort(Command, (byte)command);

            Assert.Equal((command & 1) == 0 ? ["Reset"] : [], bench.Machine.Requests);
        }
    }

    [Fact]
    public void EchoKeyboard_Command_ComesBackAsIfFromTheKeyboard()
    {
        Execute(0xD2, 0x1E);

        Assert.True(_bench.Line(1).IsAsserted);
        Assert.Equal(0x1E, Read());
    }

    [Fact]
    public void Keys_Sent_InterruptByteForByteInSet1()
    {
        Assert.Equal(6, _controller.SendScanCodes([0x1C, 0xF0, 0x1C, 0xE0, 0xF0, 0x75]));

        Assert.True(_bench.Line(1).IsAsserted);
        Assert.Equal(0x1E, Read()); // A
        Assert.Equal(2, _bench.Line(1).Edges);
        Assert.Equal(0x9E, Read());
        Assert.Equal(0xE0, Read());
        Assert.Equal(0xC8, Read()); // cursor up, released
        Assert.False(_bench.Line(1).IsAsserted);
        Assert.Equal(0x00, Status & 0x01);
        Assert.Equal(0xC8, Read());
    }

    [Fact]
    public void Keys_WithoutTranslation_ComeInSet2()
    {
        Execute(0x60, 0x05);
        _controller.SendScanCodes([0x1C, 0xF0, 0x1C]);

        Assert.Equal([0x1C, 0xF0, 0x1C], ReadAll());
    }

    [Fact]
    public void Keys_WithoutInterrupt_OnlyFillTheBuffer()
    {
        Execute(0x60, 0x64);
        _controller.SendScanCodes([0x1C]);

        Assert.False(_bench.Line(1).IsAsserted);
        Assert.Equal(0x01, Status & 0x01);
    }

    [Fact]
    public void Keys_KeyboardDisabled_WaitUntilItIsEnabled()
    {
        Execute(0xAD);
        _controller.SendScanCodes([0x1C]);
        Assert.Equal(0x00, Status & 0x01);

        Execute(0xAE);

        Assert.Equal(0x1E, Read());
    }

    [Fact]
    public void Keys_MoreThanTheBufferHolds_AreNotTaken()
    {
        Execute(0xAD);

        Assert.Equal(16, _controller.SendScanCodes(new byte[100]));
        Assert.Equal(0, _controller.SendScanCodes([0x1C]));
    }

    [Fact]
    public void Answer_WhileAKeyIsUnread_ComesAfterIt()
    {
        _controller.SendScanCodes([0x1C, 0x32]);
        Execute(0x20);

        Assert.Equal([0x1E, 0x65, 0x30], ReadAll());
    }

    [Fact]
    public void Attach_Description_IsThatOfAPc()
    {
        Assert.Equal([new DeviceWindow(BusSpace.Ports, 0x60, 1), new DeviceWindow(BusSpace.Ports, 0x64, 1)], _bench.Description.Windows);
        Assert.Equal([new DeviceLine(1, InterruptSense.Edge)], _bench.Description.Lines);
        Assert.Equal("PNP0303", _bench.Acpi!.HardwareId);
    }

    [Fact]
    public void SaveState_LoadedIntoAnother_GoesOnWhereItWas()
    {
        Execute(0x7F, 0x11);
        Write(0xED);
        Write(0x07);
        Write(0xF3);
        _controller.SendScanCodes([0xF0, 0x1C, 0x32]);
        Execute(0xD1);
        var bench = new DeviceBench();
        var other = new KeyboardController8042();
        bench.Attach(other);

        other.LoadState(_controller.SaveState());

        Assert.Equal(System.Text.Json.JsonSerializer.Serialize(_controller.SaveState()), System.Text.Json.JsonSerializer.Serialize(other.SaveState()));
        Assert.True(bench.Line(1).IsAsserted);
        Assert.Equal(KeyboardLeds.CapsLock | KeyboardLeds.NumLock | KeyboardLeds.ScrollLock, other.Leds);
        bench.WritePort(Data, 0xDE);
        Assert.Equal(["Reset"], bench.Machine.Requests);
    }

    public static TheoryData<KeyboardController8042State, string> BadStates => new()
    {
        { new KeyboardController8042State { Memory = new byte[31] }, "Memory" },
        { new KeyboardController8042State { KeyBuffer = new byte[17] }, "KeyBuffer" },
        { new KeyboardController8042State { KeyboardReplies = null! }, "KeyboardReplies" },
        { new KeyboardController8042State { OutputFlags = 1 }, "OutputFlags" },
        { new KeyboardController8042State { WaitingAnswerFlags = 1 }, "WaitingAnswerFlags" },
        { new KeyboardController8042State { Leds = 8 }, "Leds" },
        { new KeyboardController8042State { Typematic = 0x80 }, "Typematic" },
        { new KeyboardController8042State { ScanCodeSet = 3 }, "ScanCodeSet" },
    };

    [Theory]
    [MemberData(nameof(BadStates))]
    public void LoadState_Impossible_IsRefusedByField(KeyboardController8042State state, string field)
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => _controller.LoadState(state));

        Assert.StartsWith(field, error.Message, StringComparison.Ordinal);
    }

    private int Status => (int)_bench.ReadPort(Command);

    private byte Read() => (byte)_bench.ReadPort(Data);

    private byte[] ReadAll()
    {
        var bytes = new List<byte>();
        while ((Status & 0x01) != 0)
        {
            bytes.Add(Read());
        }

        return [.. bytes];
    }

    private void Write(byte value) => _bench.WritePort(Data, value);

    private void Execute(byte command, byte? argument = null)
    {
        _bench.WritePort(Command, command);
        if (argument is { } value)
        {
            Write(value);
        }
    }
}
