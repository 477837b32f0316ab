-- Add tokens to existing profiles table
ALTER TABLE profiles ADD COLUMN tokens INTEGER DEFAULT 5;

-- Create minimal payment tracking table
CREATE TABLE payments (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id UUID REFERENCES profiles(id) ON DELETE CASCADE,
  amount INTEGER NOT NULL, -- Amount in KRW
  tokens INTEGER NOT NULL, -- Tokens purchased
  payment_method VARCHAR(50), -- 'toss', 'kakao', etc
  payment_key VARCHAR(255) UNIQUE, -- Payment provider's transaction ID
  status VARCHAR(20) DEFAULT 'pending', -- 'pending', 'completed', 'failed'
  created_at TIMESTAMPTZ DEFAULT NOW()
);

-- Give existing users bonus tokens
UPDATE profiles SET tokens = 5 WHERE tokens IS NULL;
