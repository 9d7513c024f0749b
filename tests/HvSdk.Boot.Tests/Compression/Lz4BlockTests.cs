namespace HvSdk.Boot.Tests;

public class Lz4BlockTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(300)]
    [InlineData(70_000)]
    public void Decode_BlockOfLiterals_GivesThem(int length)
    {
        byte[] data = LoadBench.Noise(length);
        AssertDecodes(data, Lz4Packer.Block(data));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(31)]
    [InlineData(1000)]
    public void Decode_MatchThatOverlapsItself_RepeatsItsFirstBytes(int period)
    {
        byte[] pattern = LoadBench.Noise(period);
        foreach (int length in (int[])[4, 5, 15, 16, 17, 18, 19, 20, 33, 64, 255, 274, 5000])
        {
            var packed = new MemoryStream();
            Lz4Packer.WriteSequence(packed, pattern, period, length);
            Lz4Packer.WriteSequence(packed, LoadBench.Noise(40, 3), 0, 0);
            byte[] expected = [.. Enumerable.Range(0, period + length).Select(i => pattern[i % period]), .. LoadBench.Noise(40, 3)];
            AssertDecodes(expected, packed.ToArray());
        }
    }

    [Fact]
    public void Decode_TextOfAllKindsOfSequences_GivesIt()
    {
        var random = new Random(5);
        var data = new MemoryStream();
        while (data.Length < 1 << 20)
        {
            int length = random.Next(8) == 0 ? random.Next(2000) : random.Next(24);
            if (random.Next(2) == 0 || data.Length == 0)
            {
                data.Write(LoadBench.Noise(length, random.Next()));
            }
            else
            {
                int offset = random.Next(1, (int)long.Min(data.Length, 60_000) + 1);
                for (int i = 0; i < length; i++)
                {
                    data.WriteByte(data.GetBuffer()[data.Length - offset]);
                }
            }
        }

        byte[] packed = Lz4Packer.Block(data.ToArray());
        Assert.True(packed.Length < data.Length * 3 / 4, "the text does not compress, so matches are not tested");
        AssertDecodes(data.ToArray(), packed);
    }

    [Fact]
    public void Decode_BlockCutAnywhere_SaysSoOrGivesAStart()
    {
        byte[] data = [.. LoadBench.Noise(100), .. new byte[300], .. LoadBench.Noise(40), .. LoadBench.Noise(100)];
        byte[] packed = Lz4Packer.Block(data);
        byte[] unpacked = new byte[data.Length];
        for (int length = 0; length < packed.Length; length++)
        {
            Lz4Status status = Lz4Block.Decode(packed.AsSpan(0, length), unpacked, out int consumed, out int written);

            Assert.True(status is Lz4Status.SourceCut or Lz4Status.Done, $"{status} of {length} bytes");
            Assert.InRange(consumed, 0, length);
            Assert.True(unpacked.AsSpan(0, written).SequenceEqual(data.AsSpan(0, written)));
            Assert.True(written < data.Length);
        }
    }

    [Fact]
    public void Decode_DestinationOfAnyLength_IsFilledAndNotOverrun()
    {
        byte[] data = [.. LoadBench.Noise(100), .. new byte[300], .. LoadBench.Noise(40), .. LoadBench.Noise(100)];
        byte[] packed = Lz4Packer.Block(data);
        for (int length = 0; length < data.Length; length++)
        {
            byte[] unpacked = new byte[data.Length + 64];
            Array.Fill(unpacked, (byte)0xEE);
            Lz4Status status = Lz4Block.Decode(packed, unpacked.AsSpan(0, length), out _, out int written);

            Assert.Equal(Lz4Status.DestinationFull, status);
            Assert.Equal(length, written);
            Assert.True(unpacked.AsSpan(0, length).SequenceEqual(data.AsSpan(0, length)));
            Assert.Equal(-1, unpacked.AsSpan(length).IndexOfAnyExcept((byte)0xEE));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(21)]
    [InlineData(65535)]
    public void Decode_MatchBeforeTheStart_IsBad(int offset)
    {
        var packed = new MemoryStream();
        Lz4Packer.WriteSequence(packed, LoadBench.Noise(20), offset, 10);
        Lz4Packer.WriteSequence(packed, LoadBench.Noise(60), 0, 0);

        Assert.Equal(Lz4Status.BadOffset, Lz4Block.Decode(packed.ToArray(), new byte[1000], out int consumed, out int written));
        Assert.Equal(20, written);
        Assert.Equal(24, consumed); // token, a byte of length, 20 literals, the offset
    }

    [Fact]
    public void Decode_LengthOfGigabytes_DoesNotWrapAround()
    {
        // A token with a long match, and so many bytes of length that their sum passes 2^31.
        byte[] packed = new byte[9_000_000];
        Array.Fill(packed, byte.MaxValue);
        packed[0] = 0x1F;
        packed[1] = (byte)'x';
        packed[2] = 1;
        packed[3] = 0;
        packed[^1] = 0;
        byte[] unpacked = new byte[100_000];

        Assert.Equal(Lz4Status.DestinationFull, Lz4Block.Decode(packed, unpacked, out _, out int written));
        Assert.Equal(unpacked.Length, written);
        Assert.Equal(-1, unpacked.AsSpan().IndexOfAnyExcept((byte)'x'));
    }

    [Fact]
    public void Decode_Noise_NeverFails()
    {
        byte[] unpacked = new byte[4096];
        for (int seed = 0; seed < 20_000; seed++)
        {
            byte[] packed = LoadBench.Noise(1 + (seed % 200), seed);
            Lz4Block.Decode(packed, unpacked.AsSpan(0, seed % 4096), out int consumed, out int written);

            Assert.InRange(consumed, 0, packed.Length);
            Assert.InRange(written, 0, seed % 4096);
        }
    }

    private static void AssertDecodes(byte[] expected, byte[] packed)
    {
        // Exactly as large as needed, and larger: the end of the destination decides how bytes are moved.
        foreach (int more in (int[])[0, 1, 100])
        {
            byte[] unpacked = new byte[expected.Length + more];
            Assert.Equal(Lz4Status.Done, Lz4Block.Decode(packed, unpacked, out int consumed, out int written));
            Assert.Equal(packed.Length, consumed);
            Assert.Equal(expected.Length, written);
            Assert.True(expected.AsSpan().SequenceEqual(unpacked.AsSpan(0, written)));
        }
    }
}
